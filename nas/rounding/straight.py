"""Rounding to whole numbers, with gradients that go straight through it.

The gradient of rounding is zero; that of what it stands for is used instead (arXiv
1308.3432): one within the range, and zero for what is cut off.
"""

from functools import partial

import jax
import jax.numpy as jnp

from nas.rounding.grid import LEAST, MOST, Step

_LARGEST = 127  # of weights, whose steps are as many on either side of 0


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def cut(x: jax.Array, low: int, high: int) -> jax.Array:
    """The nearest whole numbers from `low` to `high`, as float32."""
    return jnp.clip(jnp.round(x), low, high)


def _forward(x: jax.Array, low: int, high: int) -> tuple[jax.Array, jax.Array]:
    return cut(x, low, high), (x >= low - 0.5) & (x <= high + 0.5)  # with what is rounded to the ends


def _backward(_low: int, _high: int, inside: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
    return (jnp.where(inside, gradient, 0),)


cut.defvjp(_forward, _backward)


@jax.custom_vjp
def whole(x: jax.Array) -> jax.Array:
    """The nearest whole numbers, as float32."""
    return jnp.round(x)


whole.defvjp(lambda x: (jnp.round(x), None), lambda _, gradient: (gradient,))


def whole_pixels(x: jax.Array, step: Step) -> jax.Array:
    """Pictures in -1..1 in an int8 file's steps from its zero: a pixel p of 0..255 is the number p - 128 there."""
    return jnp.round((x + 1) * 127.5) + (LEAST - step.zero)


def whole_weights(kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A kernel (..., D) in steps, 127 on either side in each of D channels; and how much these are, (D,)."""
    largest = jnp.max(jnp.abs(jax.lax.stop_gradient(kernel)), range(kernel.ndim - 1))
    scale = divided(jnp.where(largest > 0, largest, _LARGEST), _LARGEST)
    return whole(kernel / scale.reshape(*(1,) * (kernel.ndim - 1), -1)), scale


def whole_constant(values: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What is added or multiplied by, in 256 steps from its least to its largest, 0 among them; and how much one is."""
    fixed = jax.lax.stop_gradient(values)
    low, high = jnp.minimum(fixed.min(), 0), jnp.maximum(fixed.max(), 0)
    scale = divided(jnp.where(high > low, high - low, 1), MOST - LEAST)
    return whole(values / scale), scale


def divided(values: jax.Array, by: float) -> jax.Array:
    """The quotient, rounded as it should be: by a constant that it knows, XLA multiplies with one over that instead."""
    quotient: jax.Array = values / jax.lax.optimization_barrier(jnp.float32(by))
    return quotient


def away_from_zero(values: jax.Array) -> jax.Array:
    """Whole numbers, halves away from zero, as TFLite's average pool rounds its sums; gradients go straight through."""
    nearest = jnp.sign(values) * jnp.floor(jnp.abs(values) + 0.5)
    return values + jax.lax.stop_gradient(nearest - values)
