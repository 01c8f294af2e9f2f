"""The machine that this runs on, measured with LiteRT.

The file's runs take turns with those of a small reference network. What the reference takes
should never change; where it does, the machine was busy or changed its clock, and a number
taken meanwhile would say more about that than about the network.
"""

import statistics
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nas.errors import InputError
from nas.latency.measuring import PRECISIONS, Measurement, MeasurementFailed, Precision, relative_spread
from nas.latency.place import HEAD, REMARKS, Place

if TYPE_CHECKING:
    from nas.export.run import LiteModel

REFERENCE = Path(__file__).parent / "devices" / "host-reference.tflite"
ROUNDS = 10
REFERENCE_SHARE = 0.2  # of the time
MOST_THREADS = 256
MOST_SECONDS = 3600
KEYS = ("precision", "threads", "xnnpack", "seconds", "largest_spread", "largest_drift", "attempts")


@dataclass(frozen=True)
class HostDevice:
    """This machine's CPU under LiteRT.

    A measurement takes `seconds`, longer for a network of which three runs take longer than a
    round. It is refused, after `attempts`, where the middle half of the runs spreads over more
    than the share `largest_spread` of the median, or the reference's rounds over more than
    `largest_drift` of theirs.
    """

    name: str
    title: str
    precision: Precision = "int8"
    threads: int = 1
    xnnpack: bool = True
    seconds: float = 1.0
    largest_spread: float = 0.2
    largest_drift: float = 0.05
    attempts: int = 3
    kind: Literal["host"] = "host"
    evidence: Literal["measured"] = "measured"
    known_error: None = None
    parallel: int = 1

    def measure(self, model: Path) -> Measurement:
        """The median of interleaved runs; raises `MeasurementFailed` on a machine that is too busy."""
        try:
            network = self._load(model)
        except InputError as error:
            raise MeasurementFailed(f"{self.name}: {error}") from error
        for _ in range(self.attempts):
            times, rounds_of_reference = self._rounds(network)
            spread, drift = relative_spread(times), relative_spread(rounds_of_reference)
            reasons = self._refusal(spread, drift)
            if not reasons:
                return Measurement(statistics.median(times), spread, len(times))
        raise MeasurementFailed(
            f"{self.name}: {model.name}: {' and '.join(reasons)} in each of {self.attempts} attempts; "
            "expected a machine with nothing else to do"
        )

    def _rounds(self, network: "LiteModel") -> tuple[list[float], list[float]]:
        """Milliseconds of every run of the network, and of the median run of each round of the reference."""
        from nas.export.run import timed_rounds

        per_round = self.seconds / (ROUNDS + 1)
        times = timed_rounds(
            {
                "network": (network.invoke, per_round * (1 - REFERENCE_SHARE)),
                "reference": (self._reference.invoke, per_round * REFERENCE_SHARE),
            },
            ROUNDS,
        )
        return list(chain(*times["network"])), [statistics.median(taken) for taken in times["reference"]]

    def _refusal(self, spread: float, drift: float) -> list[str]:
        """Why the numbers are not to be trusted; nothing where they are."""
        reasons = []
        if drift > self.largest_drift:
            reasons.append(f"the reference network drifts by {drift:.1%}, over {self.largest_drift:.1%}")
        if spread > self.largest_spread:
            reasons.append(f"the middle half of the runs spreads by {spread:.1%}, over {self.largest_spread:.1%}")
        return reasons

    @cached_property
    def _reference(self) -> "LiteModel":
        return self._load(REFERENCE)

    def _load(self, path: Path) -> "LiteModel":
        """The model with a picture of noise, which no kernel can take a short cut for."""
        from nas.export.run import LiteModel  # brings in LiteRT

        model = LiteModel(path, threads=self.threads, trusted=True, xnnpack=self.xnnpack)
        model.feed(np.random.default_rng(0).integers(0, 256, model.size, np.uint8))
        return model


def read_host(name: str, title: str, content: dict[str, Any], place: Place) -> HostDevice:
    """The device that the options in `content` describe, any of which may be left out.

    Raises `InputError` for an option that is unknown or out of range.
    """
    place.check_keys(content, (), KEYS, (*HEAD, *REMARKS))
    readers = {
        "precision": lambda value, here: here.among(value, PRECISIONS),
        "threads": lambda value, here: here.whole(value, 1, MOST_THREADS),
        "xnnpack": lambda value, here: here.flag(value),
        "seconds": lambda value, here: here.number(value, positive=True, most=MOST_SECONDS),
        "largest_spread": lambda value, here: here.number(value, positive=True),
        "largest_drift": lambda value, here: here.number(value, positive=True),
        "attempts": lambda value, here: here.whole(value, 1, 100),
    }
    options = {key: readers[key](value, place.at(key)) for key, value in content.items()}
    return HostDevice(name, title, **options)
