"""Who trains what a search proposes: this process, worker processes, or a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nas.architecture import Architecture

Judge = Callable[[int, float], bool]
"""Told an epoch (from 1) and the validation accuracy (0 to 1) after it: whether to train on."""


@dataclass(frozen=True)
class Ended:
    """How the training of trial `number` ended.

    `accuracy` is the last validation accuracy, 0 to 1, or None where the training failed for
    `reason`; `stopped` says that a judge ended it early. `measures` holds what else was
    measured of the trained network, by the names of objectives, such as `int8_accuracy`.
    """

    number: int
    accuracy: float | None
    reason: str = ""
    stopped: bool = False
    measures: Mapping[str, float] = field(default_factory=dict)


class Trainer(Protocol):
    """Trains up to `capacity` networks at the same time."""

    @property
    def capacity(self) -> int:
        """How many trainings may be under way."""

    def start(self, number: int, architecture: Architecture, judge: Judge) -> None:
        """Begins a trial's training, or takes it up where an earlier run left it."""

    def wait(self) -> Ended:
        """Waits until a training ends; judges are asked meanwhile, in the caller's thread."""

    def close(self) -> None:
        """Ends what is under way, keeping its checkpoints, and gives everything back."""
