"""The arithmetic of batch norm (arXiv 1502.03167) and the activation after it, with a gradient that keeps little.

Left to itself, differentiation keeps the pictures three times or four: as they came, less
their mean, normed, and clipped. All but the pictures themselves follows from two numbers a
channel, and computing it again takes less time than memory takes to keep it.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from nas.blocks.activations import Activation

_PLACES = (0, 1, 2)  # the axes of (B, H, W, C) over which a channel is one


def per_channel(values: jax.Array) -> jax.Array:
    """Values of (C,) as (1, 1, 1, C), to go with (B, H, W, C)."""
    return values.reshape(1, 1, 1, -1)


@jax.jit
def batch_norm(
    x: jax.Array, mean: jax.Array, var: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> jax.Array:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, as the one operation that tracing folds."""
    factor = scale * lax.rsqrt(var + epsilon)
    return (x * per_channel(factor) + per_channel(bias - mean * factor)).astype(x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def batch_norm_in_training(
    x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float, activation: Activation
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The activation of `x` (B, H, W, C) normed by its own mean and variance; and these, (C,).

    No gradient goes through the latter. Computed in float32; the result is of the kind of
    numbers that `x` is.
    """
    return _forward(x, scale, bias, epsilon, activation)[0]


def _normed(wide: jax.Array, mean: jax.Array, inverse: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    """Pictures in float32, by the mean and one over the deviation of each channel, (C,)."""
    factor = scale * inverse
    return wide * per_channel(factor) + per_channel(bias - mean * factor)


def _forward(
    x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float, activation: Activation
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], tuple[jax.Array, ...]]:
    wide = x.astype(jnp.float32)
    mean = jnp.mean(wide, _PLACES)
    var = jnp.mean(jnp.square(wide - per_channel(mean)), _PLACES)
    inverse = lax.rsqrt(var + epsilon)
    y = activation(_normed(wide, mean, inverse, scale, bias)).astype(x.dtype)
    return (y, mean, var), (x, mean, inverse, scale, bias)


def _backward(
    _epsilon: float, activation: Activation, saved: tuple[jax.Array, ...], gradients: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, mean, inverse, scale, bias = saved
    wide = x.astype(jnp.float32)
    _, of_activation = jax.vjp(activation, _normed(wide, mean, inverse, scale, bias))
    (gradient,) = of_activation(gradients[0].astype(jnp.float32))
    count = x.size // x.shape[-1]
    bias_gradient = jnp.sum(gradient, _PLACES)
    scale_gradient = inverse * jnp.sum(gradient * (wide - per_channel(mean)), _PLACES)
    # scale * inverse * (gradient - its mean - normed x * (the mean of their product)), a line in gradient and x.
    steep = scale * inverse
    slope = -steep * inverse * scale_gradient / count
    offset = -steep * bias_gradient / count - slope * mean
    x_gradient = gradient * per_channel(steep) + wide * per_channel(slope) + per_channel(offset)
    return x_gradient.astype(x.dtype), scale_gradient, bias_gradient


batch_norm_in_training.defvjp(_forward, _backward)
