"""The compiled parts of a training step, each shared by every network that has need of it.

Waiting for compilers is most of a search's time. Networks of one space are made of few
distinct blocks, so each distinct block is compiled once, forward and backward, and a
network's step is a chain of those programs (`nas.train.step`). JAX keeps the compiled
programs of a function by its arguments' shapes; here are the functions, one for each
distinct block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import optax  # type: ignore[import-untyped]
from flax import nnx

from nas.train.augment import augment, normalise
from nas.train.optimizer import make_optimizer
from nas.train.packing import Layout

KEPT = 4096  # distinct blocks whose programs are kept; the least recently used go first


@cache
def compiler_options() -> dict[str, str | bool]:
    """What halves compiling on CPUs: XLA's older code generator, whose programs are as fast (jaxlib 0.10).

    Empty on other platforms and where XLA no longer knows it.
    """
    options: dict[str, str | bool] = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(jnp.negative).lower(1).compile(options)
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def _program(function: Callable[..., Any], **options: Any) -> Any:
    """A compiled function; `__wrapped__` is the function itself, for use within a larger program."""
    return jax.jit(function, compiler_options=compiler_options(), **options)


@dataclass(frozen=True)
class BlockPrograms:
    """What is compiled for a distinct block; weights and statistics are vectors (`nas.train.packing`).

    `forward(weights, statistics, seed, x)` gives the output, the new statistics, and
    what `backward` needs beside the gradient of the output to give the gradients of the
    weights and (but for a first block) of `x`. `predict(weights, statistics, x)` gives
    the output in evaluation.
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
        y = block(x)
        return y, layout.statistics.pack(nnx.to_pure_dict(nnx.state(block, nnx.BatchStat)))

    def forward(weights: jax.Array, statistics: jax.Array, seed: jax.Array, x: jax.Array) -> Any:
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
        return nnx.merge(layout.evaluation, *state)(x)  # type: ignore[no-any-return]

    return BlockPrograms(_program(forward), _program(backward), _program(predict))


@cache
def update_program(optimizer: str, momentum: float, weight_decay: float) -> Any:
    """(weights, gradient, moments, kernels, rate, scale) to new weights and moments.

    `kernels` is how many of the weights, the first, decay; `rate` the learning rate;
    `scale` what the gradient is multiplied by.
    """
    transform = make_optimizer(optimizer, momentum, weight_decay)

    def update(
        weights: jax.Array, gradient: jax.Array, moments: Any, kernels: jax.Array, rate: jax.Array, scale: jax.Array
    ) -> tuple[jax.Array, Any]:
        decaying = jnp.where(jnp.arange(weights.shape[0]) < kernels, weights, 0)
        updates, moments = transform.update(scale * gradient, moments, decaying)
        return weights - rate * updates, moments

    return _program(update, donate_argnums=(0, 2))


@cache
def average_program() -> Any:
    """(average, vector, keep) to the average of which so much was kept, the rest being the vector's."""
    return _program(lambda average, vector, keep: vector + keep * (average - vector), donate_argnums=0)


@cache
def input_program(augmentations: tuple[str, ...]) -> Any:
    """(images uint8, seed) to the input of a network in training."""
    return _program(lambda images, seed: normalise(augment(images, augmentations, seed)))


@cache
def loss_program(label_smoothing: float) -> Any:
    """(logits (B, classes), labels (B,)) to the mean cross-entropy and its gradient in the logits."""

    def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), label_smoothing)
        return optax.softmax_cross_entropy(logits, targets).mean()  # type: ignore[no-any-return]

    return _program(jax.value_and_grad(loss))


@cache
def clip_program() -> Any:
    """(gradients, limit) to what all gradients are multiplied by so that their common norm is at most `limit`."""

    def scale(gradients: Sequence[jax.Array], limit: jax.Array) -> jax.Array:
        norm = jnp.sqrt(sum(jnp.vdot(gradient, gradient) for gradient in gradients))
        return jnp.minimum(1, limit / jnp.maximum(norm, 1e-12))

    return _program(scale)


@cache
def normalise_program() -> Any:
    """Pictures to the input of a network in evaluation."""
    return _program(normalise)
