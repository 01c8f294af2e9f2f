"""The fire module of SqueezeNet (arXiv 1602.07360)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.layers import ConvNorm
from nas.blocks.registry import Options, register
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class FireOptions(Options):
    """`squeeze`: channels of the narrow 1x1; `channels`: of the two wide halves together.

    The paper's networks have no batch norm (`norm=bias`).
    """

    squeeze: int
    channels: int
    kernel: int = 3
    activation: str = "relu"
    norm: str = "batch"

    widths = ("squeeze", "channels")

    def check(self) -> None:
        if not 1 <= self.squeeze <= 65536:
            raise ValueError(f"squeeze is {self.squeeze}; expected 1 to 65536")
        if self.channels % 2:
            raise ValueError(f"channels is {self.channels}; expected an even number, half of them for either kernel")

    @property
    def multiple(self) -> int:
        return 2


@register("fire", FireOptions)
class Fire(nnx.Module):
    """A 1x1 to few channels, then a 1x1 and a 3x3 side by side: (B, H, W, C) to (B, H, W, channels)."""

    def __init__(self, in_shape: Shape, options: FireOptions, *, rngs: nnx.Rngs):
        o = options
        half = o.channels // 2
        self.squeeze = ConvNorm(in_shape[-1], o.squeeze, norm=o.norm, activation=o.activation, rngs=rngs)
        self.narrow = ConvNorm(o.squeeze, half, norm=o.norm, activation=o.activation, rngs=rngs)
        self.wide = ConvNorm(o.squeeze, half, o.kernel, norm=o.norm, activation=o.activation, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.squeeze(x)
        return jnp.concatenate([self.narrow(y), self.wide(y)], -1)
