"""Where the range of a quantized activation is to end, from a histogram of its values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 2048
LEFT_OUT = 1e-4  # the share of values that a percentile's range leaves out at either end
STEPS = 255  # of 8 bits
_LEAST, _TRIED = 0.2, 81  # the smallest share of an end that is tried, and how many shares are


@dataclass(frozen=True)
class Histogram:
    """How often values between `low` and `high` fall into each of equal bins."""

    low: float
    high: float
    counts: NDArray[np.float64]

    @classmethod
    def empty(cls, low: float, high: float) -> "Histogram":
        """Of values that are still to come."""
        return cls(low, high, np.zeros(BINS))

    def add(self, values: NDArray[np.float32]) -> None:
        """Counts values; what is beyond the ends counts as at them."""
        width = (self.high - self.low) / BINS or 1.0
        places = np.clip(((values.reshape(-1) - self.low) / width).astype(np.int64), 0, BINS - 1)
        self.counts[:] += np.bincount(places, minlength=BINS)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The value in the middle of each bin."""
        return self.low + (np.arange(BINS) + 0.5) * (self.high - self.low) / BINS


def ends(histogram: Histogram, kind: str) -> tuple[float, float]:
    """The least and the largest value of the range, 0 between them, for a kind of `RANGES`."""
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    if kind == "percentile":
        return _percentile(histogram, low, high)
    return _least_error(histogram, low, high) if kind == "mse" else (low, high)


def _percentile(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    shares = np.cumsum(histogram.counts) / max(histogram.counts.sum(), 1)
    edges = histogram.low + np.arange(BINS + 1) * (histogram.high - histogram.low) / BINS
    first, last = np.searchsorted(shares, (LEFT_OUT, 1 - LEFT_OUT))
    return min(0.0, max(low, float(edges[first]))), max(0.0, min(high, float(edges[min(last + 1, BINS)])))


def _least_error(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """One end after the other moved towards 0, twice, to where the squared error is least."""
    shares = np.linspace(_LEAST, 1, _TRIED)
    best = low, high
    for _ in range(2):
        best = min(((low * share, best[1]) for share in shares), key=lambda pair: error(histogram, *pair))
        best = min(((best[0], high * share) for share in shares), key=lambda pair: error(histogram, *pair))
    return best


def error(histogram: Histogram, low: float, high: float) -> float:
    """The summed squared error of the values when quantized to 256 steps from `low` to `high`."""
    step = (high - low) / STEPS
    if step <= 0:
        return float((histogram.counts * histogram.centres**2).sum())
    zero = np.rint(-low / step)
    numbers = np.clip(np.rint(histogram.centres / step) + zero, 0, STEPS) - zero
    difference: NDArray[np.float64] = numbers * step - histogram.centres
    return float((histogram.counts * difference**2).sum())
