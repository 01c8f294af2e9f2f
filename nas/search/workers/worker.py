"""What a search and its workers say to each other, and what a worker does with a trial."""

import pickle
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from nas.architecture import Architecture
from nas.errors import InputError, one_line
from nas.search.in_process import Train
from nas.search.trainer import Ended, Judge

LONGEST_REASON = 300  # characters

Prepare = Callable[[], Train]
"""Loads what trainings need, once in each worker; can be pickled."""


@dataclass(frozen=True)
class Task:
    """A trial to train."""

    number: int
    architecture: Architecture


@dataclass(frozen=True)
class Ready:
    """A worker has loaded what it needs and waits for its first trial."""


@dataclass(frozen=True)
class Reported:
    """An epoch (from 1) of the trial has ended with a validation accuracy, 0 to 1; is it to go on?"""

    epoch: int
    accuracy: float


@dataclass(frozen=True)
class Refused:
    """What is given to the worker cannot be used, for a reason that concerns every trial."""

    reason: str


@dataclass(frozen=True)
class Died:
    """The worker is no more, for `reason`."""

    reason: str


Event = Ready | Reported | Ended | Refused | Died


class Worker(Protocol):
    """One that trains a trial at a time."""

    def give(self, task: Task) -> None:
        """Begins the trial."""

    def answer(self, go_on: bool) -> None:
        """Says whether the trial that reported an epoch is to go on."""

    def end(self) -> None:
        """Ends it at once, whatever it does."""


class Engine(Protocol):
    """Where workers are found."""

    capacity: int

    def hire(self) -> Worker:
        """A new worker, which will tell when it is ready."""

    def next_event(self, workers: Sequence[Worker], seconds: float | None) -> tuple[Worker, Event] | None:
        """What one of the workers says next; None where none does within so many seconds."""

    def close(self) -> None:
        """Gives everything back, when all workers have ended."""


def prepared(prepare: bytes) -> Train | Refused:
    """What a new worker trains with, from a pickled `Prepare`, or why it cannot."""
    try:
        return cast(Prepare, pickle.loads(prepare))()
    except InputError as error:
        return Refused(str(error))
    except ImportError as error:
        return Refused(f"a worker cannot import what it needs ({error}); expected the same packages wherever one runs")


def trained(train: Train, task: Task, judge: Judge) -> Ended | Refused:
    """Trains a trial; whatever goes wrong in it ends that trial alone, but for what concerns all."""
    try:
        return train(task.number, task.architecture, judge)
    except InputError as error:
        return Refused(str(error))
    except Exception as error:
        traceback.print_exc()  # for the worker's log
        first = (str(error).splitlines() or [""])[0]
        return Ended(task.number, None, one_line(f"{type(error).__name__}: {first}"[:LONGEST_REASON]))
