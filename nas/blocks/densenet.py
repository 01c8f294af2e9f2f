"""DenseNet's layer and transition (arXiv 1608.06993, the B and C variants): every layer reads all before it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.layers import BatchNorm, Conv
from nas.blocks.pool import mean_pool
from nas.blocks.registry import Options, register
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class DenseLayerOptions(Options):
    """`growth`: channels that the layer adds; `expansion`: its 1x1 makes that many times `growth`."""

    kernel: int = 3
    growth: int = 32
    expansion: float = 4
    activation: str = "relu"

    widths = ("growth",)

    def check(self) -> None:
        if not 1 <= self.growth <= 4096:
            raise ValueError(f"growth is {self.growth}; expected 1 to 4096")


@register("dense_layer", DenseLayerOptions)
class DenseLayer(nnx.Module):
    """Norm, activation, 1x1, norm, activation, 3x3, beside the input: (B, H, W, C) to (B, H, W, C + growth).

    Repeated, it is the paper's dense block, less the dropout that it has for small data.
    """

    def __init__(self, in_shape: Shape, options: DenseLayerOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        inner = max(1, round(o.growth * o.expansion))
        self.norm1 = BatchNorm(channels, rngs=rngs)
        self.reduce = Conv(channels, inner, rngs=rngs)
        self.norm2 = BatchNorm(inner, rngs=rngs)
        self.conv = Conv(inner, o.growth, o.kernel, rngs=rngs)
        self.activation = o.activation

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.reduce(self.norm1(x, self.activation))
        y = self.conv(self.norm2(y, self.activation))
        return jnp.concatenate([x, y], -1)


@dataclass(frozen=True, kw_only=True)
class TransitionOptions(Options):
    """`compression`: the share of the channels that is left."""

    compression: float = 0.5
    stride: int = 2
    activation: str = "relu"

    repeatable = False

    def check(self) -> None:
        if not 0 < self.compression <= 1:
            raise ValueError(f"compression is {self.compression}; expected more than 0, at most 1")


@register("transition", TransitionOptions)
class Transition(nnx.Module):
    """Norm, activation, 1x1, mean pool: (B, H, W, C) to (B, H // stride, W // stride, C * compression)."""

    def __init__(self, in_shape: Shape, options: TransitionOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.norm = BatchNorm(channels, rngs=rngs)
        self.conv = Conv(channels, max(1, int(channels * o.compression)), rngs=rngs)
        self.stride, self.activation = o.stride, o.activation

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.conv(self.norm(x, self.activation))
        return y if self.stride == 1 else mean_pool(y, self.stride, self.stride, "valid")
