"""How near an int8 file's outputs are to those of the rounded network that it was made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.rounding.grid import Grid


@dataclass(frozen=True)
class Closeness:
    """Over all outputs of some pictures: the most steps that one differs by, the share (0 to 1) of them that are
    the same number, and that of pictures with the same first class."""

    steps: int
    equal: float
    agreement: float


def closeness(rounded: NDArray[np.float32], file: NDArray[np.float32], grid: Grid) -> Closeness:
    """Compares outputs (N, classes) of the rounded Flax network with those of its file."""
    steps = np.rint(np.abs(file - rounded) / grid.made[-1].step.scale)
    agreement = file.argmax(1) == rounded.argmax(1)
    return Closeness(int(steps.max()), float((steps == 0).mean()), float(agreement.mean()))
