"""One training step of a network, as a chain of its blocks' programs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from nas.network import Network
from nas.train.optimizer import make_optimizer
from nas.train.packing import Layout
from nas.train.programs import (
    BlockPrograms,
    average_program,
    block_programs,
    clip_program,
    input_program,
    loss_program,
    normalise_program,
    update_program,
)
from nas.train.recipe import Recipe


class State(NamedTuple):
    """What training changes: vectors, one for each block in order."""

    weights: tuple[Any, ...]
    statistics: tuple[Any, ...]
    moments: tuple[Any, ...]  # of the optimizer
    average: tuple[Any, ...]  # weights, and statistics, as above; empty where no averages are kept


class Step(NamedTuple):
    """What differs from step to step: random seeds, one for each block and one more; and factors of the update."""

    seeds: Any  # (blocks + 1,) uint32
    rate: Any  # the learning rate
    keep: Any  # how much of the averages stays


@dataclass(frozen=True)
class Chain:
    """A network as the chain of its blocks' programs."""

    layouts: tuple[Layout, ...]
    by_block: bool = True  # each program compiled by itself; else to be compiled as one

    @classmethod
    def of(cls, network: Network, by_block: bool = True) -> "Chain":
        """The chain of a network's blocks, which are left in evaluation."""
        return cls(tuple(Layout.of(block) for _, block in network.blocks()), by_block)

    @cached_property
    def blocks(self) -> tuple[BlockPrograms, ...]:
        """The programs of each block in order."""
        return tuple(block_programs(layout, index == 0) for index, layout in enumerate(self.layouts))

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

    def step(self, recipe: Recipe, state: State, images: Any, labels: Any, step: Step) -> tuple[State, jax.Array]:
        """State after one step on a batch, and its loss. The state given is used up."""
        x = self._run(input_program(tuple(recipe.augment)), images, step.seeds[-1])
        statistics, vjps = [], []
        for index, block in enumerate(self.blocks):
            vectors = state.weights[index], state.statistics[index]
            x, new, vjp = self._run(block.forward, *vectors, step.seeds[index], x)
            statistics.append(new)
            vjps.append(vjp)
        loss, gradient = self._run(loss_program(recipe.label_smoothing), x, labels)
        gradients = []
        for block in reversed(self.blocks):
            weights, gradient = self._run(block.backward, vjps.pop(), gradient)
            gradients.append(weights)
        return self._update(recipe, state, statistics, gradients[::-1], step), loss

    def predict(self, weights: Any, statistics: Any, images: Any) -> jax.Array:
        """Logits (B, classes) of pictures (B, H, W, C) uint8."""
        x = self._run(normalise_program(), images)
        for index, block in enumerate(self.blocks):
            x = self._run(block.predict, weights[index], statistics[index], x)
        return x  # type: ignore[no-any-return]

    def _run(self, program: Any, *arguments: Any) -> Any:
        return program(*arguments) if self.by_block else program.__wrapped__(*arguments)

    def _update(self, recipe: Recipe, state: State, statistics: list[Any], gradients: list[Any], step: Step) -> State:
        clip = recipe.gradient_clip
        scale = self._run(clip_program(), gradients, np.float32(clip)) if clip else np.float32(1)
        update = update_program(recipe.optimizer, recipe.momentum, recipe.weight_decay)
        updated = [
            self._run(update, *vectors, np.int32(layout.weights.kernels), step.rate, scale)
            for layout, *vectors in zip(self.layouts, state.weights, gradients, state.moments, strict=True)
        ]
        weights, moments = zip(*updated, strict=True)
        news = (weights, tuple(statistics))[: len(state.average)]
        average = jax.tree.map(lambda old, new: self._run(average_program(), old, new, step.keep), state.average, news)
        return State(weights, tuple(statistics), moments, average)


def evaluated(state: State) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Weights and statistics that a training is judged by and gives: the averages, where there are any."""
    weights, statistics = state.average or (state.weights, state.statistics)
    return weights, statistics
