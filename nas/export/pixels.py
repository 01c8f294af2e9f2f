"""What a TFLite classifier's input holds for each brightness of a pixel, 0..255."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.card import MOST_COLOURS, Card
from nas.export.front import usual_range
from nas.export.model import Model, Tensor

Numbers = NDArray[np.floating[Any]]
Reads = tuple[Numbers, Numbers]
"""The numbers for the darkest and for the brightest pixel, each one for all colours, (1,), or one for each, (C,)."""

_USUAL = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-128.0, 127.0))
_NEAR = 0.25  # of what a quantized input can hold: how far off its end a pixel's number may be
_LARGEST = 2.0**28


def pixel_values(model: Model, given: tuple[float, float] | None, where: str) -> NDArray[Any]:
    """The input's numbers, of its type: (256,), or (256, C) where colours differ.

    Those of a float file go from and to what is `given`, else what its metadata normalises
    to, else what `usual_range` finds likely. A quantized file says itself what it can
    hold: its metadata are followed where they nearly fill that, else the nearest usual range is.
    Raises `InputError`, beginning with `where`, for metadata that cannot be followed.
    """
    tensor = model.main.tensors[model.main.inputs[0]]
    told = None if given else _told(model.card, tensor.shape[-1], where)
    if tensor.dtype == "float32":
        reads = told or _for_all(*(given or usual_range(model.main, where)))
        columns = [_floats(low, high) for low, high in zip(*reads, strict=True)]
    else:
        reads = _held(tensor, told)
        columns = [_integers(tensor, low, high) for low, high in zip(*reads, strict=True)]
    return columns[0] if len(columns) == 1 else np.stack(columns, -1)


def _told(card: Card | None, colours: int, where: str) -> Reads | None:
    """What metadata normalise the darkest and the brightest pixel to, or None where they say nothing of it."""
    if card is None or not (card.mean or card.std):
        return None
    mean, std = (np.array(values, np.float64) for values in (card.mean, card.std))
    fitting = {mean.size, std.size} <= {1, colours} and max(mean.size, std.size) <= MOST_COLOURS
    if fitting and np.all((std > 0) & (std < np.inf)):
        low, high = -mean / std, (255 - mean) / std
        if np.all(np.abs([low, high]) < _LARGEST):  # and none is NaN
            return low, high
    raise InputError(
        f"{where}: its metadata normalises pixels by mean {_text(card.mean)} and std {_text(card.std)}; "
        f"expected finite numbers, one or one for each of {colours} colours, and std above 0"
    )


def _text(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:g}" for number in numbers) or "nothing"


def _for_all(low: float, high: float) -> Reads:
    return np.array([low]), np.array([high])


def _held(tensor: Tensor, told: Reads | None) -> Reads:
    """What is told where the input can hold about that and no more; the usual range nearest to what it can else."""
    limits, scale, zero = np.iinfo(tensor.dtype), tensor.scales[0], tensor.zero_points[0]
    low, high = scale * (limits.min - zero), scale * (limits.max - zero)
    if told is not None:
        off = np.abs([told[0] - low, told[1] - high])
        if np.all(off <= _NEAR * (high - low)):
            return told
    return _for_all(*min(_USUAL, key=lambda pair: abs(pair[0] - low) + abs(pair[1] - high)))


def _floats(low: float, high: float) -> NDArray[Any]:
    return (low + np.arange(256, dtype=np.float64) * ((high - low) / 255)).astype(np.float32)


def _integers(tensor: Tensor, low: float, high: float) -> NDArray[Any]:
    """A range [-1, 1] of 256 steps holds no exact 0, so its pixels fall between two steps;
    they are moved by that half step towards the side where all of 0..255 have their own.
    """
    limits = np.iinfo(tensor.dtype)
    steps = (low + np.arange(256, dtype=np.float64) * (high - low) / 255) / tensor.scales[0] + tensor.zero_points[0]
    if steps[0] < limits.min:
        steps += min(0.5, limits.min - steps[0])
    elif steps[-1] > limits.max:
        steps -= min(0.5, steps[-1] - limits.max)
    return np.clip(np.rint(steps), limits.min, limits.max).astype(tensor.dtype)
