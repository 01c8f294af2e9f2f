"""A `Trainer` made of workers, any of which may die at any time."""

import time
from collections import deque
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import InputError
from nas.search.trainer import Ended, Judge
from nas.search.workers.worker import Died, Engine, Event, Ready, Refused, Reported, Task, Worker

MOST_DEATHS = 3  # of workers at the same epoch of a trial, before it is the trial's fault
MOST_STILLBORN = 3  # workers in a row that end before they are ready


@dataclass
class _Trial:
    """A trial that was started and has not ended; `overdue` is when it is given up, once a worker has it."""

    task: Task
    judge: Judge
    epoch: int = 0  # the last that a worker has reported
    deaths: int = 0  # since then
    overdue: float | None = None


class Crew:
    """Workers of `engine`, each training one trial after another.

    A trial whose worker dies is given to another, which takes it up at its last checkpoint;
    one that cannot get past an epoch without so many `deaths` has failed. One that a worker has
    had for more than `seconds` is ended, and has failed too.
    """

    def __init__(self, engine: Engine, seconds: float | None = None, deaths: int = MOST_DEATHS):
        self._engine, self._seconds, self._deaths = engine, seconds, deaths
        self._waiting: deque[_Trial] = deque()
        self._starting: list[Worker] = []
        self._idle: list[Worker] = []
        self._busy: dict[Worker, _Trial] = {}
        self._stillborn = 0

    @property
    def capacity(self) -> int:
        """How many trainings may be under way."""
        return self._engine.capacity

    def start(self, number: int, architecture: Architecture, judge: Judge) -> None:
        """Begins a trial's training, or takes it up where an earlier run left it."""
        self._waiting.append(_Trial(Task(number, architecture), judge))
        self._hand_out()

    def wait(self) -> Ended:
        """Waits until a training ends; judges are asked meanwhile, in the caller's thread.

        Raises `InputError` where workers cannot be had, or say that no trial can be trained.
        """
        if not self._waiting and not self._busy:
            raise RuntimeError("nothing to wait for: no training was started")
        while True:
            self._hand_out()
            heard = self._engine.next_event([*self._starting, *self._idle, *self._busy], self._seconds_left())
            if (ended := self._heard(*heard) if heard else self._overdue()) is not None:
                return ended

    def close(self) -> None:
        """Ends all workers at once: checkpoints are whole at any moment."""
        for worker in [*self._starting, *self._idle, *self._busy]:
            worker.end()
        self._waiting.clear()
        self._starting.clear()
        self._idle.clear()
        self._busy.clear()
        self._engine.close()

    def _hand_out(self) -> None:
        """Gives waiting trials to idle workers, and looks for more workers where these are too few."""
        while self._waiting and self._idle:
            worker, trial = self._idle.pop(), self._waiting.popleft()
            self._busy[worker] = trial
            trial.overdue = None if self._seconds is None else time.monotonic() + self._seconds
            worker.give(trial.task)
        room = self.capacity - len(self._starting) - len(self._busy) - len(self._idle)
        for _ in range(min(room, len(self._waiting) - len(self._starting))):
            self._starting.append(self._engine.hire())

    def _heard(self, worker: Worker, event: Event) -> Ended | None:
        """Acts on what a worker says; returns how its trial ended where it did."""
        if isinstance(event, Ready):
            self._stillborn = 0
            self._starting.remove(worker)
            self._idle.append(worker)
        elif isinstance(event, Reported):
            trial = self._busy[worker]
            if event.epoch > trial.epoch:
                trial.epoch, trial.deaths = event.epoch, 0
            worker.answer(trial.judge(event.epoch, event.accuracy))
        elif isinstance(event, Refused):
            raise InputError(event.reason)
        elif isinstance(event, Died):
            return self._died(worker, event.reason)
        else:
            del self._busy[worker]
            self._idle.append(worker)
            return event
        return None

    def _died(self, worker: Worker, reason: str) -> Ended | None:
        worker.end()
        if worker in self._idle:
            self._idle.remove(worker)
        elif worker in self._starting:
            self._starting.remove(worker)
            self._stillborn += 1
            if self._stillborn >= MOST_STILLBORN:
                raise InputError(f"{self._stillborn} workers in a row ended before they were ready, the last {reason}")
        else:
            trial = self._busy.pop(worker)
            trial.deaths += 1
            if trial.deaths >= self._deaths:
                return Ended(
                    trial.task.number, None, f"{trial.deaths} workers ended while training it, the last {reason}"
                )
            self._waiting.appendleft(trial)
        return None

    def _seconds_left(self) -> float | None:
        """Until the first trial is overdue."""
        overdue = [trial.overdue for trial in self._busy.values() if trial.overdue is not None]
        return max(0.0, min(overdue) - time.monotonic()) if overdue else None

    def _overdue(self) -> Ended | None:
        """Ends a worker whose trial has taken too long."""
        now = time.monotonic()
        for worker, trial in self._busy.items():
            if trial.overdue is not None and trial.overdue <= now:
                worker.end()
                del self._busy[worker]
                reason = f"took longer than the {self._seconds:g} s that a trial may take"
                return Ended(trial.task.number, None, reason)
        return None
