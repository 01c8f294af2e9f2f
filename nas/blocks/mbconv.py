"""Inverted residuals: MBConv (arXiv 1801.04381, 1905.11946) and fused-MBConv (2104.00298).

Both expand the channels, convolve, optionally squeeze-and-excite, and project; a
skip joins input and output where they have the same shape. MBConv expands by a 1x1
and convolves depthwise; the fused block does both in one full convolution, which
arrays of multipliers such as the Edge TPU's do faster.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.blocks.squeeze_excite import SqueezeExcite
from nas.blocks.stochastic_depth import branch
from nas.errors import unknown
from nas.ops import Shape
from nas.widths import round_width


@dataclass(frozen=True, kw_only=True)
class MBConvOptions(Options):
    """`expand_from`: channels that the expansion multiplies where not the input's.

    EfficientNet-EdgeTPU's first block declares 24 input channels while its stem
    gives 32, and expands from the 24 (0: the input's).

    `skip=0`: no skip even where input and output have the same shape.
    `se_of`: what `se_ratio` is of, the block's "input" channels (EfficientNet) or its
    "expanded" ones (MobileNet v3). `se_divisor`: the channels between are a multiple of it.
    `se_gate` makes the weights; `se_activation` stands between ("": the block's activation).
    """

    kernel: int = 3
    stride: int = 1
    expansion: float = 6
    channels: int
    se_ratio: float = 0
    activation: str = "relu6"
    expand_from: int = 0
    skip: int = 1
    se_of: str = "input"
    se_divisor: int = 1
    se_gate: str = "sigmoid"
    se_activation: str = ""

    widths = ("channels", "expand_from")
    details: ClassVar[dict[str, str]] = dict.fromkeys(("se_of", "se_divisor", "se_gate", "se_activation"), "se_ratio")

    def check(self) -> None:
        choices = {"skip": (0, 1), "se_of": ("input", "expanded"), "se_gate": ("sigmoid", "hard-sigmoid")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)}; expected {allowed[0]} or {allowed[1]}")
        if self.se_activation and self.se_activation not in ACTIVATIONS:
            raise ValueError(unknown("se_activation", self.se_activation, ACTIVATIONS))


@dataclass(frozen=True, kw_only=True)
class FusedOptions(MBConvOptions):
    """`group_size`: least channels of a group of the full convolution's output; 0: one group.

    MobileNetEdgeTPU-V2 groups so, half-way from the full to the depthwise convolution.
    """

    group_size: int = 0


def _groups(channels: int, width: int, most: int) -> int:
    """The largest number of groups up to `most` that divides the channels before and after."""
    return next((groups for groups in range(most, 1, -1) if channels % groups == width % groups == 0), 1)


class _InvertedResidual(nnx.Module):
    skips: bool

    def _expanded(self, in_shape: Shape, options: MBConvOptions) -> int:
        """Channels inside the block; notes on the way whether input and output join."""
        self.skips = bool(options.skip) and options.stride == 1 and in_shape[-1] == options.channels
        return max(1, round((options.expand_from or in_shape[-1]) * options.expansion))

    @staticmethod
    def _squeeze_excite(expanded: int, channels: int, o: MBConvOptions, rngs: nnx.Rngs) -> SqueezeExcite | None:
        """Weights `expanded` channels of a block on `channels`; None where no ratio is given."""
        if o.se_ratio == 0:
            return None
        reduced = max(1, int((expanded if o.se_of == "expanded" else channels) * o.se_ratio))
        if o.se_divisor > 1:
            reduced = round_width(reduced, o.se_divisor)
        return SqueezeExcite(expanded, reduced, activation=o.se_activation or o.activation, gate=o.se_gate, rngs=rngs)

    def _join(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return x + branch(y) if self.skips else y


@register("mbconv", MBConvOptions)
class MBConv(_InvertedResidual):
    """(B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    At expansion 1 there is no expanding convolution.
    """

    def __init__(self, in_shape: Shape, options: MBConvOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        inner = self._expanded(in_shape, o)
        self.expand = ConvNorm(channels, inner, activation=o.activation, rngs=rngs) if inner != channels else None
        self.depthwise = ConvNorm(inner, inner, o.kernel, o.stride, groups=inner, activation=o.activation, rngs=rngs)
        self.se = self._squeeze_excite(inner, channels, o, rngs)
        self.project = ConvNorm(inner, o.channels, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = x if self.expand is None else self.expand(x)
        y = self.depthwise(y)
        y = y if self.se is None else self.se(y)
        return self._join(x, self.project(y))


@register("fused_mbconv", FusedOptions)
class FusedMBConv(_InvertedResidual):
    """(B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    At expansion 1 one convolution does everything and has the activation, as in
    EfficientNetV2; there the block has no squeeze-and-excitation to place between.
    """

    def __init__(self, in_shape: Shape, options: FusedOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        inner = self._expanded(in_shape, o)
        single = inner == channels
        width = o.channels if single else inner
        groups = _groups(channels, width, width // o.group_size) if o.group_size else 1
        self.expand = ConvNorm(channels, width, o.kernel, o.stride, groups=groups, activation=o.activation, rngs=rngs)
        self.se = self._squeeze_excite(width, channels, o, rngs)
        self.project = None if single else ConvNorm(inner, o.channels, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.expand(x)
        y = y if self.se is None else self.se(y)
        return self._join(x, y if self.project is None else self.project(y))
