"""Pooling over windows, between stages or inside blocks."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from nas.blocks.convolution import padding_of, same_padding, uses_mappable
from nas.blocks.registry import Options, register
from nas.blocks.xla_convolution import Padding
from nas.errors import shortened
from nas.ops import Shape


def max_pool(x: jax.Array, kernel: int = 3, stride: int = 2, padding: str = "same") -> jax.Array:
    """The largest entry of each window and channel: (B, H, W, C) to (B, H', W', C)."""
    edges = padding_of(padding, x.shape[1:3], (kernel, kernel), stride)
    own = ((0, 0), (0, 0)), same_padding(x.shape[1:3], (kernel, kernel), stride)
    if uses_mappable() and edges not in own:
        return _mappable_max_pool(x, kernel, stride, edges)
    return _largest(x, kernel, stride, edges)


def _largest(x: jax.Array, kernel: int, stride: int, edges: Padding) -> jax.Array:
    window, strides, around = (1, kernel, kernel, 1), (1, stride, stride, 1), ((0, 0), *edges, (0, 0))
    largest: jax.Array = lax.reduce_window(x, -jnp.inf, lax.max, window, strides, around)
    return largest


def _mappable_max_pool(x: jax.Array, kernel: int, stride: int, edges: Padding) -> jax.Array:
    """The same for a padding that TFLite's pool does not have, without the infinities that int8 cannot hold.

    With half the kernel on either side: pooled around every pixel, of which every
    `stride`-th is taken, by a pool again since slices with strides are not mapped. Else
    the edges are repeated, which enlarges no window's maximum.
    """
    half = kernel // 2
    if kernel % 2 and edges == ((half, half), (half, half)):
        return _largest(_largest(x, kernel, 1, edges), 1, stride, ((0, 0), (0, 0)))
    for axis, (before, after) in enumerate(edges, start=1):
        first, last = lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, -1, None, axis=axis)
        x = jnp.concatenate([first] * before + [x] + [last] * after, axis)
    return _largest(x, kernel, stride, ((0, 0), (0, 0)))


def mean_pool(x: jax.Array, kernel: int = 3, stride: int = 2, padding: str = "same") -> jax.Array:
    """The mean of each window and channel, padded places not counted: (B, H, W, C) to (B, H', W', C)."""
    edges = padding_of(padding, x.shape[1:3], (kernel, kernel), stride)

    window, strides, around = (1, kernel, kernel, 1), (1, stride, stride, 1), ((0, 0), *edges, (0, 0))
    total: jax.Array = lax.reduce_window(x, 0.0, lax.add, window, strides, around)
    if edges == ((0, 0), (0, 0)):
        return total / kernel**2
    count: jax.Array = lax.reduce_window(
        jnp.ones((1, *x.shape[1:3], 1), x.dtype), 0.0, lax.add, window, strides, around
    )
    return total / count


@dataclass(frozen=True, kw_only=True)
class PoolOptions(Options):
    kernel: int = 3
    stride: int = 2
    padding: str = "same"

    repeatable = False  # a deeper network pools no more often


@register("max_pool", PoolOptions)
class MaxPool(nnx.Module):
    """The largest entry of each window, (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), C).

    Padding "valid" and "ceil" may give fewer rows and columns, "symmetric" with an even kernel more.
    """

    def __init__(self, in_shape: Shape, options: PoolOptions, *, rngs: nnx.Rngs):
        del in_shape, rngs
        self.options = options

    def __call__(self, x: jax.Array) -> jax.Array:
        return max_pool(x, self.options.kernel, self.options.stride, self.options.padding)


@dataclass(frozen=True, kw_only=True)
class AveragePoolOptions(PoolOptions):
    def check(self) -> None:
        if self.padding not in ("same", "valid"):
            raise ValueError(
                f"padding is '{shortened(self.padding)}'; expected same or valid, as deployed mean pools have"
            )


@register("avg_pool", AveragePoolOptions)
class AveragePool(nnx.Module):
    """The mean of each window, (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), C).

    Padded places do not count. padding=valid gives fewer rows and columns.
    """

    def __init__(self, in_shape: Shape, options: AveragePoolOptions, *, rngs: nnx.Rngs):
        del in_shape, rngs
        self.options = options

    def __call__(self, x: jax.Array) -> jax.Array:
        return mean_pool(x, self.options.kernel, self.options.stride, self.options.padding)
