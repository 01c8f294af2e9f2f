"""A convolution with batch norm and activation: stems, heads, and plain 3x3 stages."""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.blocks.squeeze_excite import squeeze_excite
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class ConvOptions(Options):
    kernel: int = 3
    stride: int = 1
    channels: int
    se_ratio: float = 0
    groups: int = 1
    dilation: int = 1
    activation: str = "relu"
    padding: str = "same"
    norm: str = "batch"


@register("conv", ConvOptions)
class ConvBlock(nnx.Module):
    """(B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    Padding "valid" and "ceil" may give fewer rows and columns, "symmetric" with an even kernel more.
    Squeeze-and-excitation, where asked for, weights the output channels. `norm` may be a bias
    alone, or none.
    """

    def __init__(self, in_shape: Shape, options: ConvOptions, *, rngs: nnx.Rngs):
        o = options
        self.conv = ConvNorm(
            in_shape[-1],
            o.channels,
            o.kernel,
            o.stride,
            groups=o.groups,
            dilation=o.dilation,
            padding=o.padding,
            norm=o.norm,
            activation=o.activation,
            rngs=rngs,
        )
        self.se = squeeze_excite(o.channels, o.channels, o.se_ratio, activation=o.activation, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.conv(x)
        return y if self.se is None else self.se(y)
