"""Pre-activation residual blocks, of ResNet V2 (arXiv 1603.05027): norm and activation first.

Nothing follows the addition, so the path around the blocks is clear from end to end. A
network of them begins with a plain convolution and ends with a `norm` block.
"""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.layers import BatchNorm, Conv
from nas.blocks.registry import register
from nas.blocks.residual import BottleneckOptions, ResidualOptions
from nas.blocks.squeeze_excite import squeeze_excite
from nas.blocks.stochastic_depth import branch
from nas.ops import Shape


def _require_odd(kernel: int) -> None:
    """An even kernel, padded alike on either side, gives larger pictures than the path around the block."""
    if kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}; expected an odd number, as padding is the same on either side")


@dataclass(frozen=True, kw_only=True)
class PreactResidualOptions(ResidualOptions):
    def check(self) -> None:
        _require_odd(self.kernel)


@dataclass(frozen=True, kw_only=True)
class PreactBottleneckOptions(BottleneckOptions):
    def check(self) -> None:
        _require_odd(self.kernel)


class _NormConv(nnx.Module):
    """Batch norm, activation, convolution."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        activation: str,
        rngs: nnx.Rngs,
    ):
        self.norm = BatchNorm(in_channels, rngs=rngs)
        self.conv = Conv(in_channels, channels, kernel, stride, groups=groups, padding="symmetric", rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.conv(self.activated(x))

    def activated(self, x: jax.Array) -> jax.Array:
        """What the convolution reads."""
        return self.norm(x, self.activation)


class _Preactivated(nnx.Module):
    """The shortcut is the input itself, or a 1x1 projection of it, normed and activated, where shapes differ."""

    first: _NormConv
    rest: nnx.List[_NormConv]

    def _around(self, in_shape: Shape, o: ResidualOptions, rngs: nnx.Rngs) -> None:
        same = o.stride == 1 and in_shape[-1] == o.channels
        self.shortcut = None if same else Conv(in_shape[-1], o.channels, 1, o.stride, rngs=rngs)
        self.se = squeeze_excite(o.channels, o.channels, o.se_ratio, activation=o.activation, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        activated = self.first.activated(x)
        y = self.first.conv(activated)
        for step in self.rest:
            y = step(y)
        y = y if self.se is None else self.se(y)
        return branch(y) + (x if self.shortcut is None else self.shortcut(activated))


@register("preact_residual", PreactResidualOptions)
class PreactResidual(_Preactivated):
    """Two convolutions: (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    Groups and squeeze-and-excitation, before the addition, go beyond the paper.
    """

    def __init__(self, in_shape: Shape, options: PreactResidualOptions, *, rngs: nnx.Rngs):
        o = options
        self.first = _NormConv(
            in_shape[-1], o.channels, o.kernel, o.stride, groups=o.groups, activation=o.activation, rngs=rngs
        )
        second = _NormConv(o.channels, o.channels, o.kernel, groups=o.groups, activation=o.activation, rngs=rngs)
        self.rest = nnx.List([second])
        self._around(in_shape, o, rngs)


@register("preact_bottleneck", PreactBottleneckOptions)
class PreactBottleneck(_Preactivated):
    """1x1, 3x3, 1x1: (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    The stride is on the 3x3 of a stage's first block, as in the paper; TensorFlow's
    networks of this name have it in a stage's last. Groups and squeeze-and-excitation,
    before the addition, go beyond the paper.
    """

    def __init__(self, in_shape: Shape, options: PreactBottleneckOptions, *, rngs: nnx.Rngs):
        o = options
        inner = max(1, round(o.channels / o.expansion))
        self.first = _NormConv(in_shape[-1], inner, activation=o.activation, rngs=rngs)
        middle = _NormConv(inner, inner, o.kernel, o.stride, groups=o.groups, activation=o.activation, rngs=rngs)
        self.rest = nnx.List([middle, _NormConv(inner, o.channels, activation=o.activation, rngs=rngs)])
        self._around(in_shape, o, rngs)
