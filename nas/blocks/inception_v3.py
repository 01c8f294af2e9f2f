"""The modules of Inception v3 (arXiv 1512.00567, figures 5 to 7), and the reductions between them.

They are named by the height of the picture they see there. Every width is an option; the
defaults are the published ones.
"""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.inception import Chain, Widths, beside
from nas.blocks.pool import max_pool, mean_pool
from nas.blocks.registry import register
from nas.blocks.xla_convolution import Kernel
from nas.ops import Shape

WIDE, TALL = (1, 7), (7, 1)


@dataclass(frozen=True, kw_only=True)
class Inception35Options(Widths):
    """`double`: the branch of two 3x3 convolutions."""

    one: int = 64
    five_reduce: int = 48
    five: int = 64
    double_reduce: int = 64
    double: int = 96
    pool: int = 64

    widths = ("one", "five_reduce", "five", "double_reduce", "double", "pool")


@register("inception_35", Inception35Options)
class Inception35(nnx.Module):
    """1x1, 5x5, double 3x3 and pooled branches: (B, H, W, C) to (B, H, W, one + five + double + pool)."""

    def __init__(self, in_shape: Shape, options: Inception35Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.one = Chain(channels, [(o.one, 1)], o, rngs)
        self.five = Chain(channels, [(o.five_reduce, 1), (o.five, 5)], o, rngs)
        self.double = Chain(channels, [(o.double_reduce, 1), (o.double, 3), (o.double, 3)], o, rngs)
        self.pooled = Chain(channels, [(o.pool, 1)], o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.one, self.five, self.double, lambda x: self.pooled(mean_pool(x, 3, 1)))


@dataclass(frozen=True, kw_only=True)
class Reduction35Options(Widths):
    stride: int = 2
    three: int = 384
    double_reduce: int = 64
    double: int = 96

    widths = ("three", "double_reduce", "double")
    repeatable = False


@register("reduction_35", Reduction35Options)
class Reduction35(nnx.Module):
    """3x3, double 3x3 and max pool with a stride, unpadded: (B, H, W, C) to (B, H', W', three + double + C).

    H' is (H - 3) // stride + 1.
    """

    def __init__(self, in_shape: Shape, options: Reduction35Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.three = Chain(channels, [(o.three, 3)], o, rngs, o.stride)
        self.double = Chain(channels, [(o.double_reduce, 1), (o.double, 3), (o.double, 3)], o, rngs, o.stride)
        self.stride = o.stride

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.three, self.double, lambda x: _reduced(x, self.stride))


@dataclass(frozen=True, kw_only=True)
class Inception17Options(Widths):
    """`inner`: channels inside the branches of 1x7 and 7x1; `branch`: of each branch at its end."""

    inner: int = 128
    branch: int = 192

    widths = ("inner", "branch")


@register("inception_17", Inception17Options)
class Inception17(nnx.Module):
    """1x1, a 7x7 as 1x7 and 7x1, two of these, and pooled: (B, H, W, C) to (B, H, W, 4 * branch)."""

    def __init__(self, in_shape: Shape, options: Inception17Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        inner, branch = o.inner, o.branch
        self.one = Chain(channels, [(branch, 1)], o, rngs)
        self.seven = Chain(channels, [(inner, 1), (inner, WIDE), (branch, TALL)], o, rngs)
        double: list[tuple[int, Kernel]] = [(inner, 1), (inner, TALL), (inner, WIDE), (inner, TALL), (branch, WIDE)]
        self.double = Chain(channels, double, o, rngs)
        self.pooled = Chain(channels, [(branch, 1)], o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.one, self.seven, self.double, lambda x: self.pooled(mean_pool(x, 3, 1)))


@dataclass(frozen=True, kw_only=True)
class Reduction17Options(Widths):
    """`inner`: channels before and within the branches; `three`: of the 3x3 at their end."""

    stride: int = 2
    inner: int = 192
    three: int = 320

    widths = ("inner", "three")
    repeatable = False


@register("reduction_17", Reduction17Options)
class Reduction17(nnx.Module):
    """3x3, a 7x7 in parts and 3x3, and max pool with a stride: (B, H, W, C) to (B, H', W', three + inner + C).

    H' is (H - 3) // stride + 1.
    """

    def __init__(self, in_shape: Shape, options: Reduction17Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.three = Chain(channels, [(o.inner, 1), (o.three, 3)], o, rngs, o.stride)
        seven: list[tuple[int, Kernel]] = [(o.inner, 1), (o.inner, WIDE), (o.inner, TALL), (o.inner, 3)]
        self.seven = Chain(channels, seven, o, rngs, o.stride)
        self.stride = o.stride

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.three, self.seven, lambda x: _reduced(x, self.stride))


@dataclass(frozen=True, kw_only=True)
class Inception8Options(Widths):
    """`split`: channels of each of the 1x3 and 3x1 that two branches end in side by side."""

    one: int = 320
    split: int = 384
    double_reduce: int = 448
    pool: int = 192

    widths = ("one", "split", "double_reduce", "pool")


class _Split(nnx.Module):
    """A chain, then a 1x3 and a 3x1 of its result side by side: (B, H, W, C) to (B, H, W, 2 * split)."""

    def __init__(self, channels: int, links: list[tuple[int, Kernel]], o: Inception8Options, rngs: nnx.Rngs):
        self.chain = Chain(channels, links, o, rngs)
        self.wide = Chain(o.split, [(o.split, (1, 3))], o, rngs)
        self.tall = Chain(o.split, [(o.split, (3, 1))], o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(self.chain(x), self.wide, self.tall)


@register("inception_8", Inception8Options)
class Inception8(nnx.Module):
    """1x1, a 3x3 split in width, a double one, and pooled: (B, H, W, C) to (B, H, W, one + 4 * split + pool)."""

    def __init__(self, in_shape: Shape, options: Inception8Options, *, rngs: nnx.Rngs):
        channels, o = in_shape[-1], options
        self.one = Chain(channels, [(o.one, 1)], o, rngs)
        self.three = _Split(channels, [(o.split, 1)], o, rngs)
        self.double = _Split(channels, [(o.double_reduce, 1), (o.split, 3)], o, rngs)
        self.pooled = Chain(channels, [(o.pool, 1)], o, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return beside(x, self.one, self.three, self.double, lambda x: self.pooled(mean_pool(x, 3, 1)))


def _reduced(x: jax.Array, stride: int) -> jax.Array:
    """The max pool beside a reduction's convolutions; a plain copy at stride 1, where they do not reduce."""
    return x if stride == 1 else max_pool(x, 3, stride, "valid")
