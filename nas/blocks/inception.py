"""The Inception module of GoogLeNet (arXiv 1409.4842): several convolutions of one input side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.layers import ConvNorm
from nas.blocks.pool import max_pool
from nas.blocks.registry import Options, register
from nas.blocks.xla_convolution import Kernel
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class Widths(Options):
    """Options of an Inception module; those that a subclass calls `widths` are numbers of channels."""

    activation: str = "relu"
    norm: str = "batch"

    def check(self) -> None:
        for name in self.widths:
            if not 1 <= getattr(self, name) <= 65536:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 to 65536")


class Chain(nnx.Module):
    """Convolutions one after another, each given as its channels and kernel.

    Only the last has a stride; with one, it is unpadded.
    """

    def __init__(
        self,
        channels: int,
        links: Sequence[tuple[int, Kernel]],
        options: Widths,
        rngs: nnx.Rngs,
        stride: int = 1,
    ):
        layers = []
        for index, (width, kernel) in enumerate(links):
            step = stride if index == len(links) - 1 else 1
            padding = "valid" if step > 1 else "same"
            o = options
            layers.append(
                ConvNorm(
                    channels, width, kernel, step, padding=padding, norm=o.norm, activation=o.activation, rngs=rngs
                )
            )
            channels = width
        self.layers = nnx.List(layers)

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return x


def beside(x: jax.Array, *branches: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """The channels of every branch of `x`, one after another."""
    return jnp.concatenate([branch(x) for branch in branches], -1)


@dataclass(frozen=True, kw_only=True)
class InceptionOptions(Widths):
    """`one`, `three`, `five`, `pool`: channels of the branches, by their kernel; `..._reduce`: of the 1x1 before."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int

    widths = ("one", "three_reduce", "three", "five_reduce", "five", "pool")


@register("inception", InceptionOptions)
class Inception(nnx.Module):
    """1x1, 3x3, 5x5 and pooled branches: (B, H, W, C) to (B, H, W, one + three + five + pool).

    The paper's network has biases where batch norm stands by default (`norm=bias`).
    """

    def __init__(self, in_shape: Shape, options: InceptionOptions, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.one = Chain(channels, [(o.one, 1)], o, rngs)
        self.three = Chain(channels, [(o.three_reduce, 1), (o.three, 3)], o, rngs)
        self.five = Chain(channels, [(o.five_reduce, 1), (o.five, 5)], o, rngs)
        self.pooled = Chain(channels, [(o.pool, 1)], o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.one, self.three, self.five, lambda x: self.pooled(max_pool(x, 3, 1)))
