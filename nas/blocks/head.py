"""What stands at the end of a classifier: global pooling, dropout, dense, flattening."""

import math
from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.initializers import FanInUniform
from nas.blocks.layers import Conv, average_pool
from nas.blocks.registry import Options, register
from nas.ops import Shape


@register("pool", Options)
class GlobalPool(nnx.Module):
    """The mean over the whole picture, (B, H, W, C) to (B, 1, 1, C)."""

    def __init__(self, in_shape: Shape, options: Options, *, rngs: nnx.Rngs):
        del in_shape, options, rngs

    def __call__(self, x: jax.Array) -> jax.Array:
        return average_pool(x)


@dataclass(frozen=True, kw_only=True)
class FlattenOptions(Options):
    flat = True
    repeatable = False


@register("flatten", FlattenOptions)
class Flatten(nnx.Module):
    """(B, H, W, C) to (B, H * W * C): the end of a network whose last convolution gives the logits."""

    def __init__(self, in_shape: Shape, options: FlattenOptions, *, rngs: nnx.Rngs):
        del in_shape, options, rngs

    def __call__(self, x: jax.Array) -> jax.Array:
        return x.reshape(x.shape[0], -1)


@dataclass(frozen=True, kw_only=True)
class DropoutOptions(Options):
    rate: float

    flat = True
    repeatable = False


@register("dropout", DropoutOptions)
class Dropout(nnx.Dropout):
    """Sets a share `rate` of the entries to zero in training (arXiv 1207.0580); nothing in evaluation.

    The shape stays. What is left is divided by 1 - rate then, rather than multiplied by it in evaluation.
    """

    def __init__(self, in_shape: Shape, options: DropoutOptions, *, rngs: nnx.Rngs):
        del in_shape
        super().__init__(options.rate, rngs=rngs)


@dataclass(frozen=True, kw_only=True)
class DenseOptions(Options):
    channels: int
    activation: str = "none"

    flat = True


@register("dense", DenseOptions)
class Dense(nnx.Module):
    """A fully connected layer with bias, (B, H, W, C) or (B, C) to (B, channels).

    Computed as a 1x1 convolution of the flattened input: an int8 converter then
    writes CONV_2D, as Google's MobileNets have it, where it would write a
    FULLY_CONNECTED of a version that no Edge TPU compiler is known to accept.
    """

    def __init__(self, in_shape: Shape, options: DenseOptions, *, rngs: nnx.Rngs):
        self.conv = Conv(math.prod(in_shape), options.channels, bias=True, initializer=FanInUniform(), rngs=rngs)
        self.activation = options.activation

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.conv(x.reshape(x.shape[0], 1, 1, -1))
        return ACTIVATIONS[self.activation](y).reshape(x.shape[0], -1)
