"""Depthwise-separable convolution, the block of MobileNet v1 (arXiv 1704.04861)."""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.blocks.squeeze_excite import squeeze_excite
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class SeparableOptions(Options):
    kernel: int = 3
    stride: int = 1
    channels: int
    se_ratio: float = 0
    activation: str = "relu6"


@register("separable", SeparableOptions)
class Separable(nnx.Module):
    """Depthwise convolution, then 1x1: (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    Beyond the paper, squeeze-and-excitation may stand between the two, with its
    ratio of the input's channels. The paper has ReLU, its released networks ReLU6.
    """

    def __init__(self, in_shape: Shape, options: SeparableOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.depthwise = ConvNorm(
            channels, channels, o.kernel, o.stride, groups=channels, activation=o.activation, rngs=rngs
        )
        self.se = squeeze_excite(channels, channels, o.se_ratio, activation=o.activation, rngs=rngs)
        self.project = ConvNorm(channels, o.channels, activation=o.activation, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.depthwise(x)
        return self.project(y if self.se is None else self.se(y))
