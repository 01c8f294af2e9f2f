"""The residual block of Darknet-53 (arXiv 1804.02767)."""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.blocks.stochastic_depth import branch
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class DarknetOptions(Options):
    """`expansion`: the output's channels to the narrow ones inside, 2 in the paper."""

    kernel: int = 3
    stride: int = 1
    expansion: float = 2
    channels: int
    activation: str = "leaky-relu"


@register("darknet_residual", DarknetOptions)
class DarknetResidual(nnx.Module):
    """A narrow 1x1, a 3x3, and the input added after its activation.

    (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels). The paper's blocks
    keep the shape; where this one changes it, nothing is added.
    """

    def __init__(self, in_shape: Shape, options: DarknetOptions, *, rngs: nnx.Rngs):
        o = options
        inner = max(1, round(o.channels / o.expansion))
        self.reduce = ConvNorm(in_shape[-1], inner, activation=o.activation, rngs=rngs)
        self.conv = ConvNorm(inner, o.channels, o.kernel, o.stride, activation=o.activation, rngs=rngs)
        self.skips = o.stride == 1 and in_shape[-1] == o.channels

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.conv(self.reduce(x))
        return x + branch(y) if self.skips else y
