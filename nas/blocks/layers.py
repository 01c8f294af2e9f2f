"""The layers that blocks are made of: convolution, batch norm, pooling."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.convolution import Stride, convolve, padding_of, pair, uses_library
from nas.blocks.initializers import Constant, FanOutNormal, Initializer, parameter, statistic

# A running average over about ten steps: searches train for few steps, and a slower
# one would evaluate them with the statistics of their first steps.
MOMENTUM = 0.9
BATCH_NORM = "batch_norm"
NORMS = ("batch", "bias", "none")  # what follows a convolution: batch norm, only a bias, nothing


class Conv(nnx.Module):
    """Convolution of (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels)."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: Stride = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
        padding: str = "same",
        bias: bool = False,
        initializer: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        if in_channels % groups or channels % groups:
            raise ValueError(f"groups is {groups}; expected a divisor of {in_channels} and {channels} channels")
        shape = (*pair(kernel), in_channels // groups, channels)
        self.kernel = parameter(initializer or FanOutNormal(groups), shape, rngs)
        self.bias = parameter(Constant(0), (channels,), rngs) if bias else None
        self.stride, self.groups, self.dilation, self.padding = stride, groups, dilation, padding

    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.kernel[...]
        padding = padding_of(self.padding, x.shape[1:3], kernel.shape[:2], self.stride, self.dilation)
        y = convolve(x, kernel, padding, self.stride, self.dilation, self.groups)
        return y if self.bias is None else y + per_channel(self.bias[...])


class BatchNorm(nnx.Module):
    """Normalises each channel over the batch (arXiv 1502.03167), by running statistics in evaluation."""

    def __init__(self, channels: int, *, epsilon: float = 1e-3, rngs: nnx.Rngs):
        self.scale = parameter(Constant(1), (channels,), rngs)
        self.bias = parameter(Constant(0), (channels,), rngs)
        self.mean = statistic(0, (channels,))
        self.var = statistic(1, (channels,))
        self.epsilon = epsilon
        self.use_running_average = False  # set by nnx's train() and eval()

    def __call__(self, x: jax.Array) -> jax.Array:
        if self.use_running_average:
            mean, var = self.mean[...], self.var[...]
        else:
            mean = jnp.mean(x, (0, 1, 2))
            var = jnp.mean(jnp.square(x - per_channel(mean)), (0, 1, 2))
            self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * lax.stop_gradient(mean)
            self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * lax.stop_gradient(var)
        normed: jax.Array = batch_norm(x, mean, var, self.scale[...], self.bias[...], self.epsilon)
        return normed


def per_channel(values: jax.Array) -> jax.Array:
    """Values of (C,) as (1, 1, 1, C), to go with (B, H, W, C)."""
    return values.reshape(1, 1, 1, -1)


@jax.jit
def batch_norm(
    x: jax.Array, mean: jax.Array, var: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float
) -> jax.Array:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, as the one operation that tracing folds."""
    factor = scale * lax.rsqrt(var + epsilon)
    return x * per_channel(factor) + per_channel(bias - mean * factor)


class ConvNorm(nnx.Module):
    """Convolution, what `norm` of `NORMS` says, activation."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: Stride = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
        padding: str = "same",
        norm: str = "batch",
        activation: str = "none",
        rngs: nnx.Rngs,
    ):
        self.conv = Conv(
            in_channels,
            channels,
            kernel,
            stride,
            groups=groups,
            dilation=dilation,
            padding=padding,
            bias=norm == "bias",
            rngs=rngs,
        )
        self.norm = BatchNorm(channels, rngs=rngs) if norm == "batch" else None
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.conv(x)
        return ACTIVATIONS[self.activation](y if self.norm is None else self.norm(y))


def average_pool(x: jax.Array) -> jax.Array:
    """The mean over height and width, (B, H, W, C) to (B, 1, 1, C).

    Exported as one pool over the whole window: converters make a sum and a product of
    a mean, and Edge TPU models use the pool.
    """
    if not uses_library():
        return jnp.mean(x, (1, 2), keepdims=True)
    window = (1, x.shape[1], x.shape[2], 1)
    total: jax.Array = lax.reduce_window(x, 0.0, lax.add, window, window, "VALID")
    return total / (x.shape[1] * x.shape[2])
