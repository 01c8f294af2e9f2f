"""ShuffleNet's units, v1 (arXiv 1707.01083) and v2 (1807.11164)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.layers import ConvNorm
from nas.blocks.pool import mean_pool
from nas.blocks.registry import Options, register
from nas.blocks.stochastic_depth import branch
from nas.ops import Shape


def shuffle(x: jax.Array, groups: int) -> jax.Array:
    """Channels of (B, H, W, C) dealt out so that each of `groups` next holds some of every one before.

    Rows and columns are one dimension meanwhile: the Edge TPU maps no more than three.
    """
    if groups == 1:
        return x
    batch, height, width, channels = x.shape
    dealt = x.reshape(batch, height * width, groups, channels // groups)
    return jnp.swapaxes(dealt, 2, 3).reshape(x.shape)


@dataclass(frozen=True, kw_only=True)
class ShuffleOptions(Options):
    """`expansion`: the output's channels to the narrow ones inside, 4 in the paper.

    `first_groups`: groups of the first 1x1 where not `groups`: the paper's first unit
    reads so few channels that it has one (0: as `groups`).
    """

    kernel: int = 3
    stride: int = 1
    expansion: float = 4
    channels: int
    groups: int = 3
    first_groups: int = 0
    activation: str = "relu"

    def check(self) -> None:
        if not 0 <= self.first_groups <= 4096:
            raise ValueError(f"first_groups is {self.first_groups}; expected 0 to 4096")


@register("shuffle", ShuffleOptions)
class ShuffleUnit(nnx.Module):
    """Grouped 1x1, shuffle, depthwise, grouped 1x1: (B, H, W, C) to (B, ceil(H / s), ceil(W / s), channels).

    Stride 1 adds the input. A larger stride puts the input's mean pool beside the result,
    which then has the channels that are missing. Where neither fits (stride 1 with other
    channels than the input's), nothing goes around the unit; the paper has no such one.
    """

    def __init__(self, in_shape: Shape, options: ShuffleOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.pools = o.stride > 1
        self.skips = o.stride == 1 and channels == o.channels
        out = o.channels - channels if self.pools else o.channels
        if out < 1:
            raise ValueError(f"channels is {o.channels}; expected more than the input's {channels} with a stride")
        inner = -(-max(1, round(o.channels / o.expansion)) // o.groups) * o.groups
        first = o.first_groups or o.groups
        self.groups, self.stride, self.activation = o.groups, o.stride, o.activation
        self.reduce = ConvNorm(channels, inner, groups=first, activation=o.activation, rngs=rngs)
        self.depthwise = ConvNorm(inner, inner, o.kernel, o.stride, groups=inner, rngs=rngs)
        last = "none" if self.pools or self.skips else o.activation
        self.expand = ConvNorm(inner, out, groups=o.groups, activation=last, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        activation = ACTIVATIONS[self.activation]
        y = self.expand(self.depthwise(shuffle(self.reduce(x), self.groups)))
        if self.pools:
            return activation(jnp.concatenate([mean_pool(x, 3, self.stride), y], -1))
        return activation(x + branch(y)) if self.skips else y


@dataclass(frozen=True, kw_only=True)
class ShuffleV2Options(Options):
    kernel: int = 3
    stride: int = 1
    channels: int
    activation: str = "relu"

    def check(self) -> None:
        if self.channels % 2:
            raise ValueError(f"channels is {self.channels}; expected an even number, half of them for either branch")

    @property
    def multiple(self) -> int:
        return 2


class _Side(nnx.Module):
    """The second branch of a v2 unit that changes the shape: a depthwise and a 1x1 convolution."""

    def __init__(self, channels: int, half: int, options: ShuffleV2Options, rngs: nnx.Rngs):
        o = options
        self.depthwise = ConvNorm(channels, channels, o.kernel, o.stride, groups=channels, rngs=rngs)
        self.expand = ConvNorm(channels, half, activation=o.activation, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.expand(self.depthwise(x))


@register("shuffle_v2", ShuffleV2Options)
class ShuffleV2Unit(nnx.Module):
    """Two branches side by side, then shuffled: (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).

    At stride 1 with as many channels as the input has, one branch is half of the input
    as it is; else it is a depthwise and a 1x1 convolution of the whole, which the paper
    has with a stride alone.
    """

    def __init__(self, in_shape: Shape, options: ShuffleV2Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        half = o.channels // 2
        splits = o.stride == 1 and channels == o.channels
        reads = half if splits else channels
        self.reduce = ConvNorm(reads, half, activation=o.activation, rngs=rngs)
        self.depthwise = ConvNorm(half, half, o.kernel, o.stride, groups=half, rngs=rngs)
        self.expand = ConvNorm(half, half, activation=o.activation, rngs=rngs)
        self.side = None if splits else _Side(channels, half, o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        if self.side is not None:
            side, main = self.side(x), x
        else:
            half = x.shape[-1] // 2
            side, main = lax.slice_in_dim(x, 0, half, axis=3), lax.slice_in_dim(x, half, 2 * half, axis=3)
        main = self.expand(self.depthwise(self.reduce(main)))
        return shuffle(jnp.concatenate([side, main], -1), 2)
