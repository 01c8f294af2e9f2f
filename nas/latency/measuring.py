"""Devices that measure a file instead of predicting from a trace, and what they answer."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from nas.errors import InputError
from nas.latency.latency import Named

Precision = Literal["float32", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


class MeasurementFailed(InputError):
    """A device gave no number that could be trusted; the message is one line with its reason."""


@dataclass(frozen=True)
class Measurement:
    """Milliseconds of one inference, batch 1, as measured.

    `ms` is the median of `runs` runs and `spread` their interquartile range as a share of it (0 for
    a single run). `board` names the one of several boards that it was measured on.
    """

    ms: float
    spread: float = 0.0
    runs: int = 1
    board: str = ""


@runtime_checkable
class MeasuringDevice(Named, Protocol):
    """Anything that measures a .tflite file."""

    @property
    def evidence(self) -> Literal["measured"]:
        """What its milliseconds are."""

    @property
    def precision(self) -> Precision:
        """Which form of a network it is to be given."""

    @property
    def parallel(self) -> int:
        """How many files it can measure at the same time without one disturbing another."""

    def measure(self, model: Path) -> Measurement:
        """Measures the file; raises `MeasurementFailed` where no number comes out that can be trusted."""


def relative_spread(values: Sequence[float]) -> float:
    """The interquartile range as a share of the median; 0 for fewer than two values.

    >>> relative_spread([1.0, 2.0, 2.0, 2.0, 5.0])
    0.0
    """
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else math.inf
