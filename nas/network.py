"""From an architecture to the Flax module that computes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import jax
import numpy as np
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import Block, resolve
from nas.blocks.initializers import shapes_only
from nas.errors import InputError, one_line
from nas.ops import Shape

_Module = TypeVar("_Module", bound=nnx.Module)


@dataclass(frozen=True)
class Step:
    """One block of a network: its stable name, what it is, and the shapes around it."""

    name: str
    block: Block
    in_shape: Shape
    out_shape: Shape


@lru_cache(maxsize=4096)
def output_shape(block: Block, in_shape: Shape) -> Shape:
    """Shape of the block's output for an input of `in_shape`, both without the batch.

    Raises ValueError or TypeError where the block cannot take such an input.
    """

    def run(x: jax.Array) -> Any:
        module = block.build(in_shape, nnx.Rngs(0))
        module.eval()
        return module(x)

    with shapes_only():
        shape: Shape = jax.eval_shape(run, jax.ShapeDtypeStruct((1, *in_shape), np.float32)).shape[1:]
    return shape


def steps(
    architecture: Architecture,
    origin: str = "architecture",
    shape_of: Callable[[Block, Shape], Shape] = output_shape,
) -> tuple[Step, ...]:
    """The network block by block, in order.

    Names are the part of the network and its position there, "stage2.block1": the same
    for every architecture, so that weights can be carried from one to another.
    `shape_of` says a block's output shape; whoever traces blocks anyway has it from there.
    Raises `InputError` for a line that no block can be made of.
    """
    return tuple(_steps(architecture, origin, shape_of))


def _steps(architecture: Architecture, origin: str, shape_of: Callable[[Block, Shape], Shape]) -> Iterator[Step]:
    shape: Shape = (architecture.resolution, architecture.resolution, architecture.channels)
    count: dict[str, int] = {}
    for layer in architecture.layers:
        count[layer.part] = count.get(layer.part, 0) + 1
        block = resolve(layer, origin)
        for repeat in range(1, layer.repeats + 1):
            try:
                out = shape_of(block, shape)
            except (ValueError, TypeError) as error:
                where = f"{origin} line {layer.line}" if layer.line else f"{origin}: '{layer}'"
                raise InputError(f"{where}: {layer.block} on an input of {shape}: {_first_line(error)}") from error
            yield Step(f"{layer.part}{count[layer.part]}.block{repeat}", block, shape, out)
            block, shape = block.following, out


def _first_line(error: Exception) -> str:
    """What an error says first: some of JAX's go on for many lines."""
    return one_line(next(iter(str(error).splitlines()), type(error).__name__))


class Network(nnx.Module):
    """The classifier: (B, H, W, C) float32 pictures in -1..1 to (B, classes) logits.

    Its parts are attributes named as in the architecture (stem1, stage1, head1, ...)
    with the blocks inside them (block1, ...).
    """

    def __init__(self, architecture: Architecture, *, rngs: nnx.Rngs):
        self.names: tuple[str, ...] = tuple(step.name for step in steps(architecture))
        for step in steps(architecture):
            part, block = step.name.split(".")
            if not hasattr(self, part):
                setattr(self, part, nnx.Module())
            setattr(getattr(self, part), block, step.block.build(step.in_shape, rngs))

    def blocks(self) -> Iterator[tuple[str, nnx.Module]]:
        """Name and module of every block, in order."""
        for name in self.names:
            part, block = name.split(".")
            yield name, getattr(getattr(self, part), block)

    def __call__(self, x: jax.Array) -> jax.Array:
        for _, block in self.blocks():
            x = block(x)
        return x


def initialise(architecture: Architecture, seed: int = 0) -> Network:
    """A fresh network with arrays drawn from `seed`, filled on the host."""
    return fill(lambda: Network(architecture, rngs=nnx.Rngs(seed)), seed)


def fill(build: Callable[[], _Module], seed: int) -> _Module:
    """What `build` makes, built abstractly and with its arrays filled by NumPy.

    Building for real compiles a random draw for every shape, which takes longer than a
    short training. It is done all the same, in one compiled program, where a module
    has parameters that do not say how they are drawn.
    """
    with shapes_only():
        graph, state = nnx.split(nnx.eval_shape(build))
    variables = jax.tree.leaves(state, is_leaf=_is_variable)
    if not all(_knows(variable) for variable in variables):
        return nnx.jit(build)()
    generator = np.random.default_rng(seed)
    filled = jax.tree.map(lambda variable: _filled(variable, generator, seed), state, is_leaf=_is_variable)
    return nnx.merge(graph, filled)


def _is_variable(leaf: object) -> bool:
    return isinstance(leaf, nnx.Variable)


def _knows(variable: Any) -> bool:
    return isinstance(variable, nnx.RngKey | nnx.RngCount) or "initializer" in variable.get_metadata()


def _filled(variable: Any, generator: np.random.Generator, seed: int) -> Any:
    """The abstract variable with an array drawn as its initializer says."""
    shape = variable.get_value().shape
    if isinstance(variable, nnx.RngKey):
        return variable.replace(jax.random.key(seed))
    if isinstance(variable, nnx.RngCount):
        return variable.replace(jax.device_put(np.zeros(shape, np.uint32)))
    # Not jnp.asarray, which compiles a copy for every shape.
    return variable.replace(jax.device_put(variable.get_metadata()["initializer"].host(generator, shape)))
