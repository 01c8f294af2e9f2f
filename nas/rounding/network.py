"""The blocks of a network, each with the steps that it rounds to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from nas.blocks.convolution import mappable_operations
from nas.errors import InputError
from nas.network import Network
from nas.rounding.grid import Grid, Made, Step
from nas.rounding.operations import Take, Tensor
from nas.rounding.reader import Reader
from nas.rounding.straight import whole_pixels


class Numbers(NamedTuple):
    """The whole numbers of a convolution: weights (h, w, I, O) of 8 bits and biases (O,) of 32."""

    weights: NDArray[np.int8]
    biases: NDArray[np.int32]


@dataclass(frozen=True)
class Rounding:
    """How a block is rounded: the step of what it reads, and what it makes.

    The `first` block reads pictures in -1..1 and the `last` gives logits; between blocks go
    whole numbers of steps.
    """

    read: Step
    made: tuple[Made, ...]
    first: bool
    last: bool

    def __call__(self, block: nnx.Module, x: jax.Array) -> jax.Array:
        """What a block in evaluation makes of (B, H, W, C) when rounded, gradients going straight through."""
        tensor, _ = self.computed(block, x)
        return tensor.real if self.last else tensor.value

    def computed(self, block: nnx.Module, x: jax.Array) -> tuple[Tensor, Reader]:
        """What it makes, and what computed that."""
        steps = iter(self.made)
        return _computed(block, x, self, lambda *_: next(steps).step)


def roundings(network: Network, in_shape: tuple[int, ...], grid: Grid) -> tuple[Rounding, ...]:
    """How each block of a network in evaluation is rounded for pictures of `in_shape` (H, W, C).

    Raises `InputError` for an operation that has no rounded form, and for the grid of another network.
    """
    made, read, found = iter(grid.made), grid.read, list[Rounding]()
    x = jax.ShapeDtypeStruct((1, *in_shape), jnp.float32)
    for index, (name, block) in enumerate(network.blocks()):
        taken: list[Made] = []
        rounding = Rounding(read, (), index == 0, index == len(network.names) - 1)
        x, read = _planned(block, x, rounding, _taking(name, made, taken))
        found.append(replace(rounding, made=tuple(taken)))
    if left := list(made):
        raise InputError(f"rounding: the file makes {_said(left[0])} too; expected the grid of this network")
    return tuple(found)


def whole_numbers(network: Network, in_shape: tuple[int, ...], grid: Grid) -> list[Numbers]:
    """The numbers of all convolutions of a rounded network in evaluation, in the order in which they run."""
    rounding = roundings(network, in_shape, grid)
    graph, state = nnx.split(network)

    @jax.jit
    def collected(state: Any, x: jax.Array) -> list[Any]:
        found: list[Any] = []
        for rounds, (_, block) in zip(rounding, nnx.merge(graph, state).blocks(), strict=True):
            tensor, reader = rounds.computed(block, x)
            x = tensor.value
            found += [convolution.numbers for convolution in reader.convolutions]
        return found

    pairs = collected(state, jnp.zeros((1, *in_shape)))
    return [Numbers(np.asarray(weights, np.int8), np.asarray(biases, np.int32)) for weights, biases in pairs]


def _computed(block: nnx.Module, x: jax.Array, rounding: Rounding, take: Take) -> tuple[Tensor, Reader]:
    graph, state = nnx.split(block)
    with mappable_operations():  # as the exporter traces it
        closed = jax.make_jaxpr(lambda state, x: nnx.merge(graph, state)(x))(state, x)
    reader, read = Reader(take), rounding.read
    tensor = Tensor(whole_pixels(x, read) if rounding.first else x, read)
    return reader.run(closed.jaxpr, closed.consts, [*jax.tree.leaves(state), tensor]), reader


def _planned(
    block: nnx.Module, x: jax.ShapeDtypeStruct, rounding: Rounding, take: Take
) -> tuple[jax.ShapeDtypeStruct, Step]:
    """Shape and step of what a block makes."""
    steps: list[Step] = []

    def run(x: jax.Array) -> jax.Array:
        tensor, _ = _computed(block, x, rounding, take)
        steps.append(tensor.step)
        return tensor.value

    return jax.eval_shape(run, x), steps[-1]


def _taking(name: str, made: Iterator[Made], taken: list[Made]) -> Take:
    """The steps in order, each noted as the block's own; refuses those of something else."""

    def take(op: str, shape: tuple[int, ...]) -> Step:
        found = next(made, None)
        if found is None or (found.op, found.shape) != (op, shape):
            theirs = "nothing more" if found is None else _said(found)
            raise InputError(
                f"rounding: {name} makes {op} {list(shape)} where the int8 file makes {theirs}; "
                "expected both of one network, in operations that are rounded alike"
            )
        taken.append(found)
        return found.step

    return take


def _said(made: Made) -> str:
    return f"{made.op} {list(made.shape)}"
