"""Residual blocks of ResNet (arXiv 1512.03385): two 3x3, or the 1x1-3x3-1x1 bottleneck."""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.blocks.squeeze_excite import squeeze_excite
from nas.blocks.stochastic_depth import branch
from nas.errors import shortened
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class ResidualOptions(Options):
    kernel: int = 3
    stride: int = 1
    channels: int
    se_ratio: float = 0
    groups: int = 1
    activation: str = "relu"


@dataclass(frozen=True, kw_only=True)
class BottleneckOptions(ResidualOptions):
    """`expansion` is of the narrow inner channels to the output's: 4 in the paper."""

    expansion: float = 4

    @property
    def multiple(self) -> int:
        return self.groups if self.groups == 1 else round(self.groups * self.expansion)


@dataclass(frozen=True, kw_only=True)
class StridedBottleneckOptions(BottleneckOptions):
    """`stride_on`: which convolution has the stride, the 3x3 ("conv") or the 1x1 before it ("reduce")."""

    stride_on: str = "conv"

    def check(self) -> None:
        if self.stride_on not in ("conv", "reduce"):
            raise ValueError(f"stride_on is {shortened(self.stride_on)}; expected conv or reduce")


class _Residual(nnx.Module):
    def _shortcut(self, in_shape: Shape, options: ResidualOptions, rngs: nnx.Rngs) -> None:
        """A 1x1 projection where input and output differ in shape, else the input itself."""
        same = options.stride == 1 and in_shape[-1] == options.channels
        channels, stride = options.channels, options.stride
        self.shortcut = None if same else ConvNorm(in_shape[-1], channels, 1, stride, rngs=rngs)
        self.se = squeeze_excite(channels, channels, options.se_ratio, activation=options.activation, rngs=rngs)
        self.activation = options.activation

    def _join(self, x: jax.Array, y: jax.Array) -> jax.Array:
        y = y if self.se is None else self.se(y)
        return ACTIVATIONS[self.activation](branch(y) + (x if self.shortcut is None else self.shortcut(x)))


@register("residual", ResidualOptions)
class Residual(_Residual):
    """Two convolutions around which the input skips.

    (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels). Beyond the paper the
    convolutions may have groups, and squeeze-and-excitation may stand before the addition.
    """

    def __init__(self, in_shape: Shape, options: ResidualOptions, *, rngs: nnx.Rngs):
        o = options
        self.first = ConvNorm(
            in_shape[-1], o.channels, o.kernel, o.stride, groups=o.groups, activation=o.activation, rngs=rngs
        )
        self.second = ConvNorm(o.channels, o.channels, o.kernel, groups=o.groups, rngs=rngs)
        self._shortcut(in_shape, o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self._join(x, self.second(self.first(x)))


@register("bottleneck", StridedBottleneckOptions)
class Bottleneck(_Residual):
    """1x1 to channels / expansion, 3x3, 1x1 back, around which the input skips.

    (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels). Groups of the 3x3 make it
    a block of ResNeXt (arXiv 1611.05431); squeeze-and-excitation may stand before the addition.
    The 3x3 has the stride, as common implementations have it; the paper put it on the first 1x1
    (`stride_on=reduce`).
    """

    def __init__(self, in_shape: Shape, options: StridedBottleneckOptions, *, rngs: nnx.Rngs):
        o = options
        inner = max(1, round(o.channels / o.expansion))
        first, second = (o.stride, 1) if o.stride_on == "reduce" else (1, o.stride)
        self.reduce = ConvNorm(in_shape[-1], inner, 1, first, activation=o.activation, rngs=rngs)
        self.conv = ConvNorm(inner, inner, o.kernel, second, groups=o.groups, activation=o.activation, rngs=rngs)
        self.expand = ConvNorm(inner, o.channels, rngs=rngs)
        self._shortcut(in_shape, o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self._join(x, self.expand(self.conv(self.reduce(x))))
