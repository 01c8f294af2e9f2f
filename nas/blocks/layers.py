"""The layers that blocks are made of: convolution, batch norm, pooling."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.batch_norm import batch_norm, batch_norm_in_training, per_channel
from nas.blocks.convolution import convolve, padding_of, uses_library, uses_mappable
from nas.blocks.initializers import Constant, FanOutNormal, Initializer, parameter, statistic
from nas.blocks.xla_convolution import Kernel, Stride, pair

# A running average over about ten steps: searches train for few steps, and a slower
# one would evaluate them with the statistics of their first steps.
MOMENTUM = 0.9
EPSILON = 1e-3  # of batch norms
BATCH_NORM = "batch_norm"
# TFLite's own depthwise convolution of floats has room for so many channels, and never ends on more (kAccBufferMaxSize
# in tensorflow/lite/kernels/internal/optimized/depthwiseconv_float.h); int8 networks are calibrated by it.
WIDEST_DEPTHWISE = 4832
NORMS = ("batch", "bias", "none")  # what follows a convolution: batch norm, only a bias, nothing


class Conv(nnx.Module):
    """Convolution of (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels)."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: Kernel = 1,
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
        if self.shares() > 1:
            return jnp.concatenate(self.parts(x), -1)
        kernel, bias = self._arrays(x)
        return self._convolved(x, kernel, bias, self.groups)

    def shares(self) -> int:
        """In how many convolutions, each of its share of the channels, this one is to be computed."""
        if not uses_mappable() or self.groups == 1:
            return 1
        if self.kernel.shape[2] > 1:
            return self.groups
        return -(-self.kernel.shape[3] // WIDEST_DEPTHWISE)

    def parts(self, x: jax.Array) -> list[jax.Array]:
        """What each of the shares becomes."""
        count = self.shares()
        kernel, bias = self._arrays(x)
        kernels = jnp.array_split(kernel, count, axis=-1)
        biases = [None] * count if bias is None else jnp.array_split(bias, count)
        shares = zip(jnp.array_split(x, count, axis=-1), kernels, biases, strict=True)
        return [self._convolved(*share, share[0].shape[-1] // kernel.shape[2]) for share in shares]

    def _arrays(self, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Kernel and bias, float32 as kept, as numbers of the kind that `x` has."""
        return self.kernel[...].astype(x.dtype), None if self.bias is None else self.bias[...].astype(x.dtype)

    def _convolved(self, x: jax.Array, kernel: jax.Array, bias: jax.Array | None, groups: int) -> jax.Array:
        padding = padding_of(self.padding, x.shape[1:3], kernel.shape[:2], self.stride, self.dilation)
        y = convolve(x, kernel, padding, self.stride, self.dilation, groups)
        return y if bias is None else y + per_channel(bias)


class BatchNorm(nnx.Module):
    """Normalises each channel over the batch (arXiv 1502.03167), by running statistics in evaluation."""

    def __init__(self, channels: int, *, epsilon: float = EPSILON, rngs: nnx.Rngs):
        self.scale = parameter(Constant(1), (channels,), rngs)
        self.bias = parameter(Constant(0), (channels,), rngs)
        self.mean = statistic(0, (channels,))
        self.var = statistic(1, (channels,))
        self.epsilon = epsilon
        self.use_running_average = False  # set by nnx's train() and eval()

    def __call__(self, x: jax.Array, activation: str = "none") -> jax.Array:
        """`x` normalised, and the activation of that."""
        function = ACTIVATIONS[activation]
        if self.use_running_average:
            mean, var = self.mean[...], self.var[...]
            return function(batch_norm(x, mean, var, self.scale[...], self.bias[...], self.epsilon))
        y: jax.Array
        y, mean, var = batch_norm_in_training(x, self.scale[...], self.bias[...], self.epsilon, function)
        self.mean[...] = MOMENTUM * self.mean[...] + (1 - MOMENTUM) * mean
        self.var[...] = MOMENTUM * self.var[...] + (1 - MOMENTUM) * var
        return y

    def parts(self, shares: list[jax.Array]) -> list[jax.Array]:
        """In evaluation, of channels that come in shares of `jnp.array_split`: each normalised by itself."""
        arrays = (jnp.array_split(array[...], len(shares)) for array in (self.mean, self.var, self.scale, self.bias))
        return [batch_norm(x, *own, self.epsilon) for x, *own in zip(shares, *arrays, strict=True)]


class ConvNorm(nnx.Module):
    """Convolution, what `norm` of `NORMS` says, activation."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: Kernel = 1,
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
        activation = ACTIVATIONS[self.activation]
        if self.conv.shares() == 1:
            y = self.conv(x)
            return activation(y) if self.norm is None else self.norm(y, self.activation)
        # Split throughout, so that norm and activation fold into each part's convolution.
        parts = self.conv.parts(x)
        return jnp.concatenate([activation(y) for y in (parts if self.norm is None else self.norm.parts(parts))], -1)


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
