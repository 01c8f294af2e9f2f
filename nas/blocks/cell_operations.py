"""The operations that NASNet's and AmoebaNet's cells choose from (arXiv 1707.07012, 1802.01548).

Each makes (B, ceil(H / stride), ceil(W / stride), channels) of (B, H, W, C).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.convolution import same_padding
from nas.blocks.layers import BatchNorm, Conv
from nas.blocks.pool import max_pool, mean_pool
from nas.blocks.xla_convolution import Kernel, Stride
from nas.ops import Shape


class ActConvNorm(nnx.Module):
    """Activation, convolution, batch norm."""

    def __init__(
        self, in_channels: int, channels: int, kernel: Kernel, stride: Stride, activation: str, rngs: nnx.Rngs
    ):
        self.conv = Conv(in_channels, channels, kernel, stride, rngs=rngs)
        self.norm = BatchNorm(channels, rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.conv(ACTIVATIONS[self.activation](x)))


class Chain(nnx.Module):
    """Modules one after another."""

    def __init__(self, *modules: nnx.Module):
        self.modules = nnx.List(modules)

    def __call__(self, x: jax.Array) -> jax.Array:
        for module in self.modules:
            x = module(x)
        return x


class _Separable(nnx.Module):
    """Activation, depthwise, 1x1, batch norm."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int, activation: str, rngs: nnx.Rngs):
        self.depthwise = Conv(in_channels, in_channels, kernel, stride, groups=in_channels, rngs=rngs)
        self.pointwise = Conv(in_channels, channels, rngs=rngs)
        self.norm = BatchNorm(channels, rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.pointwise(self.depthwise(ACTIVATIONS[self.activation](x))))


def separable(in_channels: int, channels: int, kernel: int, stride: int, activation: str, rngs: nnx.Rngs) -> Chain:
    """A separable convolution twice; the first has the stride."""
    return Chain(
        _Separable(in_channels, channels, kernel, stride, activation, rngs),
        _Separable(channels, channels, kernel, 1, activation, rngs),
    )


def one_by_seven(in_channels: int, channels: int, stride: int, activation: str, rngs: nnx.Rngs) -> Chain:
    """1x7 and 7x1 on a quarter of the channels, between 1x1 convolutions."""
    inner = max(1, channels // 4)
    return Chain(
        ActConvNorm(in_channels, inner, 1, 1, activation, rngs),
        ActConvNorm(inner, inner, (1, 7), (1, stride), activation, rngs),
        ActConvNorm(inner, inner, (7, 1), (stride, 1), activation, rngs),
        ActConvNorm(inner, channels, 1, 1, activation, rngs),
    )


class Pool(nnx.Module):
    """Mean or largest of 3x3 windows, then a 1x1 and batch norm where the channels are to change.

    With `zeros_around`, windows with a stride see zeros around the picture.
    """

    def __init__(self, largest: bool, in_channels: int, channels: int, stride: int, zeros_around: bool, rngs: nnx.Rngs):
        self.largest, self.stride, self.zeros_around = largest, stride, zeros_around and stride > 1
        same = in_channels == channels
        self.project = None if same else ActConvNorm(in_channels, channels, 1, 1, "none", rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        padding = "same"
        if self.zeros_around:
            x, padding = jnp.pad(x, ((0, 0), *same_padding(x.shape[1:3], (3, 3), self.stride), (0, 0))), "valid"
        y = (max_pool if self.largest else mean_pool)(x, 3, self.stride, padding)
        return y if self.project is None else self.project(y)


class Halved(nnx.Module):
    """Activation, then half the size without losing every second pixel, batch norm.

    (B, H, W, C) to (B, ceil(H / 2), ceil(W / 2), channels): half of the channels are a 1x1
    convolution of the even pixels, half of the odd ones.
    """

    def __init__(self, in_channels: int, channels: int, activation: str, rngs: nnx.Rngs):
        self.even = Conv(in_channels, channels // 2, 1, 2, rngs=rngs)
        self.odd = Conv(in_channels, channels - channels // 2, 1, 2, rngs=rngs)
        self.norm = BatchNorm(channels, rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        x = ACTIVATIONS[self.activation](x)
        shifted = jnp.pad(x[:, 1:, 1:], ((0, 0), (0, 1), (0, 1), (0, 0)))
        return self.norm(jnp.concatenate([self.even(x), self.odd(shifted)], -1))


def adjusted(p: Shape, x: Shape, channels: int, activation: str, rngs: nnx.Rngs) -> nnx.Module | None:
    """The module that gives `p` the size of `x` and `channels`, or None where it has both.

    Shapes are (height, width, channels).
    """
    if p[0] != x[0]:
        return Halved(p[2], channels, activation, rngs)
    return ActConvNorm(p[2], channels, 1, 1, activation, rngs) if p[2] != channels else None
