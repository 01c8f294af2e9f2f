"""Pictures as published networks were trained with them: less a mean, over a deviation, by colour.

As a part of the network it is exported with it: whoever runs the file need not know of it.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from nas.architecture import Architecture, Layer, Value
from nas.blocks.registry import Options, register
from nas.errors import InputError, shortened
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class NormaliseOptions(Options):
    """Numbers for brightness of 0 to 1: one, or one for each colour with commas between."""

    mean: Value
    std: Value

    repeatable = False

    def check(self) -> None:
        """Means that a brightness can have, and no deviation of 0."""
        if min(self.numbers("mean")) < 0:
            raise ValueError(f"mean is {shortened(str(self.mean))}; expected numbers of 0 or more")
        if min(self.numbers("std")) <= 0:
            raise ValueError(f"std is {shortened(str(self.std))}; expected numbers greater than 0")

    def numbers(self, name: str) -> tuple[float, ...]:
        """`mean` or `std` as numbers."""
        text = str(getattr(self, name))
        try:
            numbers = tuple(map(float, text.split(",")))
        except ValueError:
            numbers = (math.nan,)
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name} is '{shortened(text)}'; expected floats as in 0.485,0.456,0.406")
        return numbers


@register("normalise", NormaliseOptions)
class Normalise(nnx.Module):
    """(B, H, W, C) in -1..1 to (brightness - mean) / std, where -1..1 is a brightness of 0..1."""

    def __init__(self, in_shape: Shape, options: NormaliseOptions, *, rngs: nnx.Rngs):  # noqa: ARG002
        mean, std = (_for_channels(options.numbers(name), in_shape[-1]) for name in ("mean", "std"))
        self.scale = tuple(0.5 / s for s in std)
        self.offset = tuple((0.5 - m) / s for m, s in zip(mean, std, strict=True))

    def __call__(self, x: jax.Array) -> jax.Array:
        scale, offset = (jnp.asarray(np.array(values, np.float32), x.dtype) for values in (self.scale, self.offset))
        return x * scale.reshape(1, 1, 1, -1) + offset.reshape(1, 1, 1, -1)


def _for_channels(numbers: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(numbers) not in (1, channels):
        raise ValueError(f"found {len(numbers)} numbers; expected {_wanted(channels)}")
    return numbers * channels if len(numbers) == 1 else numbers


def _wanted(channels: int) -> str:
    return "1" if channels == 1 else f"1, or {channels} for as many colour channels"


def require_colours(architecture: Architecture, where: str) -> None:
    """Refuses numbers by colour for an input of other channels; raises `InputError`, which begins with `where`."""
    channels = architecture.channels
    for layer in preparation(architecture):
        count = len(str(layer.get("mean")).split(","))
        if count not in (1, channels):
            colour = ", or data.channels=3" if (count, channels) == (3, 1) else ""
            found = f"found {count} numbers to normalise pictures of {channels} channel{'s' * (channels > 1)} by"
            raise InputError(f"{where}: {found}; expected {_wanted(channels)}{colour}")


def normalised(architecture: Architecture, mean: tuple[float, ...], std: tuple[float, ...]) -> Architecture:
    """The architecture with its input so prepared. Raises `InputError` where it is prepared already."""
    if preparation(architecture):
        raise InputError("architecture: prepares its input already; expected no further normalisation")
    options = (("mean", _text(mean)), ("std", _text(std)))
    layer = Layer("prepare", "normalise", options)
    return Architecture(architecture.resolution, architecture.channels, (layer, *architecture.layers))


def preparation(architecture: Architecture) -> tuple[Layer, ...]:
    """The layers that prepare an architecture's input."""
    return tuple(layer for layer in architecture.layers if layer.part == "prepare")


def _text(numbers: tuple[float, ...]) -> Value:
    return ",".join(f"{number:g}" for number in numbers) if len(numbers) > 1 else numbers[0]
