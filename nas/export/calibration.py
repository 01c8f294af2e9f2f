"""The pictures that an int8 conversion takes the ranges of activations from."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError

LOWEST, HIGHEST = np.float32(-1), np.float32(1)  # of what a network takes: pixels / 127.5 - 1


def calibration_pictures(
    pictures: Iterable[NDArray[np.floating[Any]]] | None, input_shape: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    """The pictures, (1, H, W, C) float32 each, reaching exactly from -1 to 1 together.

    The range of the pictures becomes the range of the quantized input, and only [-1, 1]
    makes a pixel one int8 step. Where no picture holds the end of the range, one value
    in the corner of the first is set to it, which no activation's range notices.

    Raises `InputError` where there are none, all are of one colour, or one has another
    shape, is not finite or leaves [-1, 1].
    """
    checked = [_checked(picture, number, input_shape) for number, picture in enumerate(pictures or ())]
    if not checked:
        raise InputError("calibration: found no pictures; int8 needs some, for example 100 of the training split")
    if all(picture.min() == picture.max() for picture in checked):
        raise InputError(
            f"calibration: all {len(checked)} pictures are of one colour, which shows no range; "
            "expected pictures as the network will see them"
        )
    first = checked[0].copy()
    if min(float(picture.min()) for picture in checked) > LOWEST:
        first[0, 0, 0, 0] = LOWEST
    if max(float(picture.max()) for picture in checked) < HIGHEST:
        first[0, -1, -1, -1] = HIGHEST
    return [first, *checked[1:]]


def _checked(picture: NDArray[np.floating[Any]], number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = np.asarray(picture)
    where = f"calibration: picture {number}"
    if array.shape != shape:
        raise InputError(f"{where} has shape {list(array.shape)}; expected {list(shape)}")
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{where} is of {array.dtype}; expected float32, pixels / 127.5 - 1")
    if not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite; expected pixels / 127.5 - 1")
    if array.min() < LOWEST or array.max() > HIGHEST:
        raise InputError(
            f"{where} reaches from {array.min():.3g} to {array.max():.3g}; expected [-1, 1], pixels / 127.5 - 1"
        )
    return array.astype(np.float32, copy=False)
