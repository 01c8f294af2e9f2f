"""The compiled parts of a training step, each shared by every network that has need of it.

Waiting for compilers is most of a search's time. Networks of one space are made of few
distinct blocks, so each distinct block is compiled once, forward and backward, and a
network's step is a chain of those programs (`nas.train.step`). A `nas.train.program` is
compiled by its arguments' shapes; here are the functions, one for each distinct block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.stochastic_depth import branches_times
from nas.train.optimizer import make_optimizer, trust, trusts
from nas.train.packing import Arrays, Layout
from nas.train.program import Program, program
from nas.train.way_back import WayBack

KEPT = 4096  # distinct blocks whose programs are kept; the least recently used go first


@dataclass(frozen=True)
class BlockPrograms:
    """What is compiled for a distinct block; weights and statistics are vectors (`nas.train.packing`).

    `forward(weights, statistics, seed, branches, x)` gives the output, the new statistics,
    and what `backward` needs beside the gradient of the output to give the gradients of
    the weights and (but for a first block) of `x`. `branches` is what stochastic depth
    multiplies residual branches by, or None. `predict(weights, statistics, x)` gives the
    output in evaluation.
    """

    forward: Any
    backward: Any
    predict: Any


@lru_cache(maxsize=KEPT)
def block_programs(layout: Layout, first: bool) -> BlockPrograms:
    """The programs of a distinct block; a first block has no use for its input's gradient."""

    def apply(weights: jax.Array, statistics: jax.Array, seed: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = layout.weights.unpack(weights), layout.statistics.unpack(statistics), layout.streams(seed)
        block = nnx.merge(layout.training, *state)
        y = layout.run(block, x)
        return y, layout.statistics.pack(nnx.to_pure_dict(nnx.state(block, nnx.BatchStat)))

    def forward(
        weights: jax.Array, statistics: jax.Array, seed: jax.Array, branches: jax.Array | None, x: jax.Array
    ) -> Any:
        with branches_times(branches):
            if first:
                y, vjp, new = jax.vjp(lambda w: apply(w, statistics, seed, x), weights, has_aux=True)
            else:
                y, vjp, new = jax.vjp(lambda w, x: apply(w, statistics, seed, x), weights, x, has_aux=True)
        return y, new, vjp

    def backward(vjp: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        gradients = vjp(gradient)
        return gradients[0], None if first else gradients[1]

    def predict(weights: jax.Array, statistics: jax.Array, x: jax.Array) -> jax.Array:
        state = layout.weights.unpack(weights), layout.statistics.unpack(statistics), layout.streams(0)
        return layout.run(nnx.merge(layout.evaluation, *state), x)

    def told(what: str) -> Callable[[], str]:
        return lambda: layout.told and f"{what} {first} {layout.told}"

    way = WayBack(forward, backward)
    return BlockPrograms(
        Program(forward, told("forward"), way.forward),
        Program(backward, told("backward"), way.backward),
        Program(predict, told("predict"), None),
    )


@cache
def update_program(optimizer: str, momentum: float, weight_decay: float, arrays: Arrays | None = None) -> Any:
    """(weights, gradient, moments, kernels, ends, rate, scale) to new weights and moments.

    `kernels` is how many of the weights, the first, decay; `ends` where each kernel ends;
    `rate` the learning rate; `scale` what the gradient is multiplied by. `arrays` are for an
    optimizer that `knows_arrays`: programs for all others are shared by vectors of one length.
    """
    transform = make_optimizer(optimizer, momentum, weight_decay, arrays)

    def update(
        weights: jax.Array,
        gradient: jax.Array,
        moments: Any,
        kernels: jax.Array,
        ends: jax.Array,
        rate: jax.Array,
        scale: jax.Array,
    ) -> tuple[jax.Array, Any]:
        decaying = jnp.where(jnp.arange(weights.shape[0]) < kernels, weights, 0)
        updates, moments = transform.update(scale * gradient, moments, decaying)
        if trusts(optimizer):
            updates = updates * trust(weights, updates, ends)
        return weights - rate * updates, moments

    told = f"update {optimizer} {momentum} {weight_decay} {arrays and (arrays.shapes, arrays.order)}"
    return program(update, told, donate_argnums=(0, 2))


@cache
def average_program() -> Any:
    """(average, vector, keep) to the average of which so much was kept, the rest being the vector's."""
    return program(lambda average, vector, keep: vector + keep * (average - vector), "average", donate_argnums=0)


@cache
def add_program() -> Any:
    """(total, part) to their sum."""
    return program(jnp.add, "add", donate_argnums=0)


@cache
def dropout_program() -> Any:
    """(x, seed, rate) to what `x` is multiplied by: 0 for a share `rate` of its entries, 1 / (1 - rate) for others."""

    def factors(x: jax.Array, seed: jax.Array, rate: jax.Array) -> jax.Array:
        kept = jax.random.bernoulli(jax.random.key(seed), 1 - rate, x.shape)
        return jnp.where(kept, 1 / (1 - rate), 0).astype(x.dtype)

    return program(factors, "dropout")


@cache
def multiply_program() -> Any:
    """(x, factors) to their product."""
    return program(jnp.multiply, "multiply")


@cache
def clip_program() -> Any:
    """(gradients, limit) to what all gradients are multiplied by so that their common norm is at most `limit`."""

    def scale(gradients: Sequence[jax.Array], limit: jax.Array) -> jax.Array:
        norm = jnp.sqrt(sum(jnp.vdot(gradient, gradient) for gradient in gradients))
        return jnp.minimum(1, limit / jnp.maximum(norm, 1e-12))

    return program(scale, "clip")
