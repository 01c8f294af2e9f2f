"""A network as the chain of its blocks' programs, and what its training changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, NamedTuple

import jax
import numpy as np

from nas.network import Network
from nas.rounding.network import Rounding
from nas.train.optimizer import make_optimizer
from nas.train.packing import Layout
from nas.train.programs import BlockPrograms, block_programs
from nas.train.reading import normalise_program
from nas.train.recipe import Recipe

Runner = Callable[..., Any]
"""How a program is run on its arguments."""


def call(program: Any, *arguments: Any) -> Any:
    """By itself, compiled."""
    return program(*arguments)


def inline(program: Any, *arguments: Any) -> Any:
    """As a part of the larger program that is being traced."""
    return program.__wrapped__(*arguments)


class State(NamedTuple):
    """What training changes: vectors, one for each block in order."""

    weights: tuple[Any, ...]
    statistics: tuple[Any, ...]
    moments: tuple[Any, ...]  # of the optimizer
    average: tuple[Any, ...]  # weights, and statistics, as above; empty where no averages are kept


class Step(NamedTuple):
    """What differs from step to step: all that is random, and factors of the update."""

    seeds: Any  # (blocks + 1,) uint32: of each block, and of the augmentation
    rate: Any  # the learning rate
    keep: Any  # how much of the averages stays
    branches: tuple[Any, ...] = ()  # for each block (B,) or None, as `nas.blocks.stochastic_depth` has them; or empty
    strength: Any = np.float32(1)  # of augmentation and dropout, 0 to 1

    def part(self, index: int, parts: int) -> "Step":
        """The step for one of equal parts of the batch."""
        if parts == 1:
            return self
        differs = np.uint32(index * 0x9E3779B9 % 2**32)
        branches = tuple(None if factors is None else factors[index::parts] for factors in self.branches)
        return self._replace(seeds=self.seeds ^ differs, branches=branches)

    def share(self, number: Any, branches: tuple[Any, ...]) -> "Step":
        """The step for the share of the device of this number, to which these branches belong."""
        differs = number.astype(np.uint32) * np.uint32(0x85EBCA6B)
        return self._replace(seeds=self.seeds ^ differs, branches=branches)


@dataclass(frozen=True)
class Chain:
    """A network as the chain of its blocks' programs."""

    layouts: tuple[Layout, ...]
    in_stages: tuple[bool, ...]  # which blocks stand between stem and head
    run: Runner = call
    frozen: int = 0  # how many blocks, the first, stay as they are: training goes back no further

    @classmethod
    def of(cls, network: Network, by_block: bool = True, rounding: Sequence[Rounding] = ()) -> "Chain":
        """The chain of a network's blocks, which are left in evaluation.

        `by_block`: each program is compiled by itself; else they are to be compiled as one.
        With a `rounding` of each block they compute, and learn, as an int8 file computes.
        """
        pairs = zip_longest(network.blocks(), rounding)
        layouts = tuple(Layout.of(block, rounds) for (_, block), rounds in pairs)
        return cls(layouts, tuple(name.startswith("stage") for name in network.names), call if by_block else inline)

    @property
    def by_block(self) -> bool:
        """Whether the programs are compiled each by itself."""
        return self.run is not inline

    @cached_property
    def blocks(self) -> tuple[BlockPrograms, ...]:
        """The programs of each block in order."""
        return tuple(block_programs(layout, index == self.frozen) for index, layout in enumerate(self.layouts))

    @cached_property
    def classifier(self) -> int:
        """The place of the last block with kernels, before which dropout stands."""
        return max((index for index, layout in enumerate(self.layouts) if layout.weights.kernels), default=0)

    def vectors(self, network: Network) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Weights and statistics of each block of a network that this is the chain of."""
        pairs = [layout.vectors(block) for layout, (_, block) in zip(self.layouts, network.blocks(), strict=True)]
        weights, statistics = zip(*pairs, strict=True)
        return weights, statistics

    def write(self, network: Network, weights: Any, statistics: Any) -> None:
        """Puts the vectors' arrays into a network that this is the chain of."""
        for index, (_, block) in enumerate(network.blocks()):
            self.layouts[index].update(block, weights[index], statistics[index])

    def state(self, network: Network, recipe: Recipe) -> State:
        """The state in which training begins."""
        weights, statistics = self.vectors(network)
        transform = make_optimizer(recipe.optimizer, recipe.momentum, recipe.weight_decay)
        shapes = tuple(jax.eval_shape(transform.init, vector) for vector in weights)
        moments = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)  # all of them begin so
        average = (weights, statistics) if recipe.ema else ()
        return jax.device_put(State(weights, statistics, moments, average))  # type: ignore[no-any-return]

    def predict(self, weights: Any, statistics: Any, images: Any) -> Any:
        """Logits (B, classes) of pictures (B, H, W, C) uint8."""
        return self.infer(weights, statistics, self.run(normalise_program(), images))

    def infer(self, weights: Any, statistics: Any, x: Any) -> Any:
        """Logits (B, classes) in evaluation of what a network reads."""
        for index, block in enumerate(self.blocks):
            x = self.run(block.predict, weights[index], statistics[index], x)
        return x


def evaluated(state: State) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Weights and statistics that a training is judged by and gives: the averages, where there are any."""
    weights, statistics = state.average or (state.weights, state.statistics)
    return weights, statistics
