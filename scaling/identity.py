"""Blocks that begin as the identity: which of their arrays makes them so is found by trying.

In a block with a skip it is a norm's scale of zero, the last of the branch (as arXiv
1706.02677 begins residual blocks). In a line of convolutions without skips each passes its
input on, its norm set by what it sees: exact in evaluation, and in training as nearly as
a batch is like those pictures.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from nas.blocks.initializers import shapes_only
from nas.blocks.layers import EPSILON
from nas.network import Step
from nas.train.names import named

Array = NDArray[Any]
Arrays = dict[str, Array]
EXACT = 1e-5  # of the largest output


def as_identity(step: Step, block: nnx.Module, inputs: jax.Array) -> Arrays:
    """The block's arrays, changed so that it gives out its inputs, (B, H, W, C) or (B, C), as nearly as was found.

    Those of a block that changes the shape, as by more channels, stay as they are: nothing makes it the identity.
    """
    fresh = _arrays(block)
    if step.in_shape != step.out_shape:
        return fresh
    best, least = fresh, np.inf
    for arrays in _tries(_parts(step), fresh, inputs):
        outputs = applied(with_arrays(block, arrays), inputs)
        error = float(jnp.abs(outputs - inputs).max() / jnp.maximum(jnp.abs(inputs).max(), 1e-9))
        if error < least:
            best, least = arrays, error
        if least <= EXACT:
            break
    return best


def _parts(step: Step) -> list[str]:
    """The names of a block's parts in the order in which its author has written them, which a built network forgets."""
    parts: list[str] = []

    def build() -> int:
        parts.extend(vars(step.block.build(step.in_shape, nnx.Rngs(0))))
        return 0

    with shapes_only():
        jax.eval_shape(build)
    return parts


def _tries(order: list[str], fresh: Arrays, inputs: jax.Array) -> Iterator[Arrays]:
    """A norm's scale of zero, the last norm first: what comes after a zero would learn nothing; then all passing on."""
    scales = [name for name in fresh if name.endswith("norm.scale")]
    for name in sorted(scales, key=lambda name: -order.index(name.split(".")[0])):
        yield fresh | {name: np.zeros_like(fresh[name])}
    yield _passing(fresh, inputs)


def _passing(fresh: Arrays, inputs: jax.Array) -> Arrays:
    """Kernels with a one in the middle from each channel to itself, norms that undo what they do to `inputs`."""
    wide = np.asarray(inputs, np.float64)
    places = tuple(range(wide.ndim - 1))
    mean, var = wide.mean(places), wide.var(places)
    norm = {"norm.mean": mean, "norm.var": var, "norm.bias": mean, "norm.scale": np.sqrt(var + EPSILON)}
    passing = {}
    for name, array in fresh.items():
        values = next((values for end, values in norm.items() if name.endswith(end)), None)
        if values is not None and array.shape == values.shape:
            passing[name] = values.astype(array.dtype)
        elif array.ndim == 4:
            passing[name] = _centred(array)
    return fresh | passing


def _centred(kernel: Array) -> Array:
    """A kernel (kh, kw, in, out) that gives out its inputs; depthwise where `in` is 1."""
    result: Array = np.zeros_like(kernel)
    height, width, inputs, outputs = kernel.shape
    for channel in range(outputs if inputs == 1 else min(inputs, outputs)):
        result[height // 2, width // 2, 0 if inputs == 1 else channel, channel] = 1
    return result


def of_block(arrays: Arrays, block: str) -> Arrays:
    """The arrays of one block, by their names within it."""
    return {name.removeprefix(f"{block}."): array for name, array in arrays.items() if name.startswith(f"{block}.")}


def with_arrays(block: nnx.Module, arrays: Arrays) -> nnx.Module:
    """The block with these arrays by their names in it."""
    tree = _tree(block)
    if arrays:
        own = [arrays[name] for name in named(tree)]
        nnx.update(block, jax.device_put(jax.tree.unflatten(jax.tree.structure(tree), own)))
    return block


def applied(block: nnx.Module, inputs: jax.Array) -> jax.Array:
    """What the block computes in evaluation; blocks of one kind and shape are compiled once."""
    block.eval()
    outputs: jax.Array = _applied(*nnx.split(block), inputs)
    return outputs


def _tree(block: nnx.Module) -> Any:
    tree: Any = nnx.to_pure_dict(nnx.state(block, (nnx.Param, nnx.BatchStat)))
    return tree


def _arrays(block: nnx.Module) -> Arrays:
    return {name: np.asarray(array) for name, array in named(_tree(block)).items()}


@partial(jax.jit, static_argnums=0)
def _applied(graph: Any, state: Any, inputs: jax.Array) -> jax.Array:
    outputs: jax.Array = nnx.merge(graph, state)(inputs)
    return outputs
