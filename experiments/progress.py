"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 10.0


class RunProgress:
    """What a run is doing: stage, and within it trials or epochs, with the time left."""

    def __init__(self, stages: int):
        # What is said holds names of files and data, which are no markup.
        self.console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stderr.isatty()
        )
        self._stages = stages
        self._stage = 0
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._last_line = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def stage(self, title: str, done: bool = False) -> None:
        """Begins the next stage; `done` where an earlier start finished it."""
        self._stage += 1
        suffix = " (done before)" if done else ""
        self.console.print(Text.assemble((f"[{self._stage}/{self._stages}]", "bold"), f" {title}{suffix}"))

    def say(self, text: str) -> None:
        """One line that stays."""
        self.console.print(f"      {text}")

    def task(self, description: str, total: int) -> "Task":
        """Something countable within a stage; use it as a context."""
        return Task(self, self._bars, description, total)

    def line(self, text: str, last: bool) -> None:
        """Where there is no bar, a line at most every ten seconds, and the last one."""
        now = time.monotonic()
        if self.console.is_terminal or (now - self._last_line < SECONDS_BETWEEN_LINES and not last):
            return
        self._last_line = now
        self.say(text)


class Task:
    """A count that advances, with a bar, the time left, and a note."""

    def __init__(self, progress: RunProgress, bars: Progress, description: str, total: int):
        self._progress, self._bars = progress, bars
        self._description, self._total = description, total
        self._started = time.monotonic()
        self._first: int | None = None
        self._id: TaskID | None = None

    def __enter__(self) -> Self:
        self._id = self._bars.add_task(f"      {self._description}", total=self._total, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._id is not None:
            self._bars.remove_task(self._id)

    def count(self, completed: int, total: int) -> None:
        """`update` for work that tells its total only as it goes."""
        self._total = total
        if self._id is not None:
            self._bars.update(self._id, total=total)
        self.update(completed)

    def update(self, completed: int, note: str = "") -> None:
        """`completed` of the total are done now; the time left is judged from this start's pace."""
        if self._id is not None:
            self._bars.update(self._id, completed=completed, note=note)
        left = self._left(completed)
        text = f"{self._description} {completed}/{self._total} {note}".rstrip()
        self._progress.line(f"{text}{left}", last=completed >= self._total)

    def _left(self, completed: int) -> str:
        """The time left, by the pace of this start: what an earlier one did took no time of it."""
        now = time.monotonic()
        if self._first is None:
            self._first = 0 if completed <= 1 else completed
            self._started = self._started if completed <= 1 else now
        done = completed - self._first
        if done <= 0 or completed >= self._total:
            return ""
        seconds = (now - self._started) / done * (self._total - completed)
        return f", {seconds:.0f} s left" if seconds < 90 else f", {seconds / 60:.0f} min left"
