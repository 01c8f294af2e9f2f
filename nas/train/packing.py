"""A block's arrays as two vectors: its weights, and its running statistics.

An optimizer's update of a dozen arrays takes a compiler as long as the block itself; of
one vector next to nothing, and blocks with vectors of one length share it. Vectors also
make the chain from block to block cheap to call: two arguments instead of twenty.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from nas.rounding.network import Rounding
from nas.trace import Shape

Tree = Any
"""Nested dictionaries of arrays, named as the module's attributes are."""
Vector = NDArray[np.float32]
_OWN = ("nas", "flax")  # whose modules are told from those of their name in other processes by sources and version


@dataclass(frozen=True)
class Arrays:
    """Arrays of a tree in the order in which a vector holds them, filled up to `length` with zeros."""

    names: Any  # the tree's structure
    shapes: tuple[Shape, ...]  # in the tree's order
    order: tuple[int, ...]  # which of them comes first, second, ... in the vector
    length: int

    @classmethod
    def of(cls, tree: Tree, room: Callable[[int], int] = lambda length: length) -> "Arrays":
        """The layout of a tree: kernels first, then everything of one axis. `room` says the length to fill up to."""
        leaves, names = jax.tree.flatten(tree)
        shapes = tuple(tuple(leaf.shape) for leaf in leaves)
        order = tuple(sorted(range(len(shapes)), key=lambda index: len(shapes[index]) < 2))
        return cls(names, shapes, order, room(sum(map(prod, shapes))))

    @cached_property
    def kernels(self) -> int:
        """How many entries of the vector, its first, belong to arrays of two axes or more."""
        return sum(prod(shape) for shape in self.shapes if len(shape) > 1)

    @cached_property
    def kernel_ends(self) -> NDArray[np.int32]:
        """Where each of the `kernels` ends in the vector, filled up by the last to one of few numbers of ends."""
        ends = list(accumulate(prod(shape) for index in self.order if len(shape := self.shapes[index]) > 1))
        room = max(4, 1 << len(ends).bit_length())
        return np.array(ends + [self.kernels] * (room - len(ends)), np.int32)

    def pack(self, tree: Tree, numpy: Any = jnp) -> Any:
        """The vector (length,) of a tree's arrays; `numpy` is the library to do it with."""
        leaves = jax.tree.leaves(tree)
        parts = [leaves[index].reshape(-1) for index in self.order]
        missing = self.length - sum(map(prod, self.shapes))
        return numpy.concatenate([*parts, numpy.zeros(missing, np.float32)])

    def unpack(self, vector: Any, numpy: Any = jnp) -> Tree:
        """The tree whose arrays a vector holds."""
        ends = list(accumulate(prod(self.shapes[index]) for index in self.order))
        parts = dict(zip(self.order, numpy.split(vector, ends), strict=False))  # what is left over is filling
        leaves = [parts[index].reshape(shape) for index, shape in enumerate(self.shapes)]
        return jax.tree.unflatten(self.names, leaves)


@dataclass(frozen=True)
class Layout:
    """A kind of block at an input shape: how it computes, and what its vectors hold.

    Equal for equal blocks of any networks, which is what compiled programs are shared by.
    """

    training: Any  # graph definitions of the module in its two modes
    evaluation: Any
    weights: Arrays
    statistics: Arrays
    random: Any  # the structure of its random streams, which few blocks have
    keys: tuple[bool, ...]  # which leaves of it are keys; the others count draws
    rounding: Rounding | None = None  # how it is rounded, where it is trained for int8: in evaluation throughout

    @classmethod
    def of(cls, block: nnx.Module, rounding: Rounding | None = None) -> "Layout":
        """The layout of a block, which is left in evaluation.

        Raises TypeError for a block with state that is neither weights nor statistics.
        """
        block.train()
        training, weights, statistics, rest = _split(block)
        block.eval()
        evaluation, *_ = _split(block)
        return cls(
            training if rounding is None else evaluation,
            evaluation,
            Arrays.of(weights, _room),
            Arrays.of(statistics),
            jax.tree.structure(nnx.to_pure_dict(rest)),
            tuple(_is_key(variable) for variable in jax.tree.leaves(rest, is_leaf=_is_variable)),
            rounding,
        )

    @cached_property
    def told(self) -> str:
        """What equal layouts of all processes share, or "" where none of others is known to be equal.

        The latter for what is not of this package, whose code may be another in another process,
        and for whatever has no text that says all of it.
        """
        if self.rounding is not None:
            return ""
        parts = []
        for graph in (self.training, self.evaluation):
            kinds = [node.type for node in graph.nodes if hasattr(node, "num_attributes")]
            if any(kind.__module__.split(".")[0] not in _OWN for kind in kinds):
                return ""
            parts += [[f"{kind.__module__}.{kind.__qualname__}" for kind in kinds], graph.attributes]
        arrays = [(str(one.names), one.shapes, one.order, one.length) for one in (self.weights, self.statistics)]
        text = repr((parts, arrays, str(self.random), self.keys))
        return "" if " at 0x" in text else text

    def run(self, block: Any, x: jax.Array) -> jax.Array:
        """What a block of this layout makes of `x` (B, H, W, C)."""
        y: jax.Array = block(x) if self.rounding is None else self.rounding(block, x)
        return y

    def vectors(self, block: nnx.Module) -> tuple[Vector, Vector]:
        """Weights and statistics of a block of this layout, on the host."""
        _, weights, statistics, _ = _split(block)
        return (
            self.weights.pack(jax.tree.map(np.asarray, weights), np),
            self.statistics.pack(jax.tree.map(np.asarray, statistics), np),
        )

    def update(self, block: nnx.Module, weights: Any, statistics: Any) -> None:
        """Puts the arrays that two vectors hold into a block of this layout."""
        trees = self.weights.unpack(np.asarray(weights), np), self.statistics.unpack(np.asarray(statistics), np)
        for tree in trees:
            nnx.update(block, jax.device_put(tree))

    def streams(self, seed: Any) -> Tree:
        """The block's random streams, begun anew from a number."""
        leaves = [
            jax.random.fold_in(jax.random.key(seed), index) if is_key else jnp.zeros((), jnp.uint32)
            for index, is_key in enumerate(self.keys)
        ]
        return jax.tree.unflatten(self.random, leaves)


def _split(block: nnx.Module) -> tuple[Any, Tree, Tree, Any]:
    """Graph definition, weights, statistics, and whatever else the block holds."""
    graph, *states = nnx.split(block, nnx.Param, nnx.BatchStat, ...)
    return graph, nnx.to_pure_dict(states[0]), nnx.to_pure_dict(states[1]), states[2]


def _is_variable(leaf: object) -> bool:
    return isinstance(leaf, nnx.Variable)


def _is_key(variable: object) -> bool:
    if not isinstance(variable, nnx.RngKey | nnx.RngCount):
        raise TypeError(
            f"{variable} is neither a parameter, nor a statistic, nor a random stream: it cannot be trained"
        )
    return isinstance(variable, nnx.RngKey)


def _room(length: int) -> int:
    """At most half more, and few different lengths, so that many blocks share the program that updates them."""
    step = max(64, 1 << max(0, length.bit_length() - 2))
    return max(1, -(-length // step)) * step
