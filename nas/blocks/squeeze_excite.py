"""Squeeze-and-excitation (arXiv 1709.01507): channels weighted by what the whole picture holds."""

import jax
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.layers import Conv, average_pool


class SqueezeExcite(nnx.Module):
    """Scales each channel of (B, H, W, C) by a gate in 0..1 computed from all channels' means.

    Two 1x1 convolutions with biases on the pooled map rather than dense layers, as
    EfficientNet has it. `reduced` is the number of channels between them.
    """

    def __init__(self, channels: int, reduced: int, *, activation: str, gate: str = "sigmoid", rngs: nnx.Rngs):
        self.reduce = Conv(channels, reduced, bias=True, rngs=rngs)
        self.expand = Conv(reduced, channels, bias=True, rngs=rngs)
        self.activation, self.gate = activation, gate

    def __call__(self, x: jax.Array) -> jax.Array:
        inner = ACTIVATIONS[self.activation](self.reduce(average_pool(x)))
        return x * ACTIVATIONS[self.gate](self.expand(inner))


def squeeze_excite(channels: int, of: int, ratio: float, *, activation: str, rngs: nnx.Rngs) -> SqueezeExcite | None:
    """Squeeze-and-excitation of `channels` through `of * ratio`, or None where the ratio is 0."""
    if ratio == 0:
        return None
    return SqueezeExcite(channels, max(1, int(of * ratio)), activation=activation, rngs=rngs)
