"""What networks like this one were off by: plain numbers around those that were measured.

Where measurements are steady, curves around them bend the line. Where a device has slow moments, or
its milliseconds lean to one side, the mean of what is off is a number that hardly any measurement
has; there the factor is taken that most of the networks nearby agree with.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 0.1  # of the measured milliseconds: so near counts as agreed
SOFTNESS = 0.015  # of that bound, so that a network a little beyond it still tells something
EVERYWHERE = 1.0  # all networks together count as so many more nearby
FACTORS = np.exp(np.arange(-0.25, 0.5, 0.01))  # that are tried; a slow moment is half as long again


def agreement(off: Array, softness: float = SOFTNESS) -> Array:
    """From 1 where a prediction is off by nothing to 0 far beyond `NEAR`; `off` is a share of what was measured."""
    steep: Array = np.minimum((np.abs(off) - NEAR) / softness, 50.0)
    shares: Array = 1 / (1 + np.exp(steep))
    return shares


@dataclass(frozen=True, eq=False)
class Surroundings:
    """S measured networks, in those E of D features that tell them apart.

    `centre` (D,) and `scale` (D,) take features to where distances mean something; a scale of 0
    leaves one out. `points` (S, E) are the networks there, and `width` how far one reaches.
    """

    centre: Array
    scale: Array
    points: Array
    width: float
    _squares: Array = field(init=False, repr=False)
    _used: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_squares", (self.points**2).sum(1))
        object.__setattr__(self, "_used", np.flatnonzero(self.scale))

    def closeness(self, features: Array) -> Array:
        """How close features of (D,) are to each of the networks, (S,): a bell curve's height."""
        z = ((features - self.centre) * self.scale)[self._used]
        distances = self._squares - 2 * (self.points @ z) + z @ z
        close: Array = np.exp(distances * (-0.5 / self.width**2))
        return close


@dataclass(frozen=True, eq=False)
class Curves(Surroundings):
    """A sum of bell curves of these `heights` (S,)."""

    heights: Array

    def __call__(self, features: Array) -> float:
        """The share to add to the line's milliseconds for features of (D,)."""
        return float(self.heights @ self.closeness(features))


@dataclass(frozen=True, eq=False)
class Commonest(Surroundings):
    """What most of the networks nearby were `off_by` (S,), as shares of the line's milliseconds."""

    off_by: Array
    _agreed: Array = field(init=False, repr=False)
    _everywhere: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        agreed = agreement(FACTORS / (1 + self.off_by)[:, None] - 1)
        object.__setattr__(self, "_agreed", agreed)
        object.__setattr__(self, "_everywhere", EVERYWHERE * agreed.mean(0))

    def __call__(self, features: Array) -> float:
        """The share to add to the line's milliseconds for features of (D,)."""
        agreed = self.closeness(features) @ self._agreed + self._everywhere
        return float(FACTORS[agreed.argmax()] - 1)


Correction = Curves | Commonest
