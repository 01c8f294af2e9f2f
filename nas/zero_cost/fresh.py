"""An untrained network as a row of blocks, each with arrays of its own and a function that is compiled for its kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import Block
from nas.blocks.layers import BatchNorm
from nas.network import fill, steps
from nas.ops import Shape


@dataclass(frozen=True)
class Fresh:
    """One block of an untrained network: what distinct blocks are told apart by, and its arrays."""

    block: Block
    in_shape: Shape
    params: Any  # nnx.State
    rest: Any  # statistics and whatever else the module holds


def fresh_blocks(architecture: Architecture, seed: int) -> list[Fresh]:
    """The blocks in order, with weights drawn from `seed` and the block's place."""
    found = []
    for place, step in enumerate(steps(architecture)):
        module = fill(_builder(step.block, step.in_shape), seed + 1_000_003 * place)
        _, *state = nnx.split(module, nnx.Param, ...)
        found.append(Fresh(step.block, step.in_shape, *state))
    return found


def _builder(block: Block, in_shape: Shape) -> Callable[[], nnx.Module]:
    return lambda: block.build(in_shape, nnx.Rngs(0))


def function_of(block: Block, in_shape: Shape, *, training: bool) -> Callable[[Any, Any, jax.Array], jax.Array]:
    """The block as a function of parameters, the rest, and its input (B, H, W, C).

    In training batch norms see the batch; dropout leaves everything in either way.
    """
    graph = nnx.split(nnx.eval_shape(_builder(block, in_shape)), nnx.Param, ...)[0]

    def run(params: Any, rest: Any, x: jax.Array) -> jax.Array:
        module = nnx.merge(graph, params, rest, copy=True)  # statistics are written to
        module.eval()
        if training:
            module.set_attributes(BatchNorm, use_running_average=False, raise_if_not_found=False)
        outputs: jax.Array = module(x)
        return outputs

    return run


def kernels(params: Any) -> list[Any]:
    """The arrays that weigh inputs: not the scales and biases of norms."""
    return [leaf for leaf in jax.tree.leaves(params) if leaf.ndim > 1]
