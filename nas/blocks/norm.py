"""Batch norm and activation by themselves: the end of networks whose blocks begin with them."""

from dataclasses import dataclass

import jax
from flax import nnx

from nas.blocks.layers import BatchNorm
from nas.blocks.registry import Options, register
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class NormOptions(Options):
    activation: str = "relu"

    repeatable = False


@register("norm", NormOptions)
class Norm(nnx.Module):
    """Batch norm, then the activation; the shape (B, H, W, C) stays."""

    def __init__(self, in_shape: Shape, options: NormOptions, *, rngs: nnx.Rngs):
        self.norm = BatchNorm(in_shape[-1], rngs=rngs)
        self.activation = options.activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(x, self.activation)
