"""What a file does to the colours of a picture before its first layer, as a part of our network."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.blocks.normalise import normalised
from nas.errors import InputError
from nas.export.constants import Array
from search_spaces.tflite_weights.layers import FileLayer

EXACT = 1e-6
ROUNDING = 1e-3  # of a brightness, 0 to 1: by so much less than 0 a mean may be
LEVEL = 1 / 127.5  # the step from one brightness to the next, where they are -1 to 1


def without_preparation(architecture: Architecture) -> Architecture:
    """The architecture with its input as it comes: what is done to it is the file's to say."""
    return replace(architecture, layers=tuple(layer for layer in architecture.layers if layer.part != "prepare"))


def prepared(
    architecture: Architecture, layers: list[FileLayer], scale: Array, offset: Array, where: str
) -> tuple[Architecture, list[FileLayer]]:
    """The architecture and the layers that take x in -1..1 where the layers given take x * scale + offset, each (C,).

    What is less than one level of brightness goes into the first layer, as for files that
    read (p - 128) / 128: at the borders, which are padded with 0, a part of that level is
    then missing, and elsewhere nothing. More becomes a `normalise` of its own.
    Raises `InputError` where the input is turned upside down, or its mean is less than the
    darkest brightness, which `normalise` cannot do.
    """
    change = max(float(np.abs(scale - 1).max()), float(np.abs(offset).max()))
    if change < EXACT:
        return architecture, layers
    first = layers[0] if layers else None
    if change <= LEVEL + EXACT and first is not None and first.kernel.ndim == 4 and first.kernel.shape[2] == len(scale):
        return architecture, [_absorbed(first, scale, offset), *layers[1:]]
    if scale.min() <= 0:
        raise InputError(f"{where}: makes bright of dark in its input; expected pictures as they are")
    std = 0.5 / scale
    mean = 0.5 - offset * std
    if mean.min() < -ROUNDING:
        raise InputError(f"{where}: takes a mean of {mean.min():.3g} from its input; expected 0 or more")
    return normalised(architecture, _numbers(mean), _numbers(std)), layers


def _absorbed(layer: FileLayer, scale: Array, offset: Array) -> FileLayer:
    bias = layer.bias + np.einsum("hwio,i->o", layer.kernel, offset)
    return replace(layer, kernel=layer.kernel * scale[:, None], bias=bias.astype(np.float32), has_bias=True)


def _numbers(values: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """One number where all are the same; a mean of less than 0 is one by rounding."""
    numbers = tuple(max(0.0, float(f"{value:.6g}")) for value in values)
    return numbers[:1] if len(set(numbers)) == 1 else numbers
