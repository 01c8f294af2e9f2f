"""What a training says of itself, epoch by epoch: JSON lines, and events for TensorBoard."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from nas.errors import InputError
from nas.files import write_text

FILE = "metrics.jsonl"
T = TypeVar("T")

# What the charts are called, grouped as TensorBoard groups them.
_CHARTS = {
    "loss": "training/loss",
    "validation_accuracy": "validation/accuracy",
    "learning_rate": "training/learning_rate",
    "images_per_second": "speed/images_per_second",
    "data_share": "speed/data_share",
}


class Log:
    """A training's files in a folder: metrics.jsonl, written whole each time, and the events of this sitting."""

    def __init__(self, folder: Path, epochs_before: int):
        from tensorboardX.event_file_writer import EventsWriter

        self.folder = folder
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            # The writer adds the second to the name: sittings that begin in one second need names of their own.
            self._events = EventsWriter(str(folder / f"events.{epochs_before}"))
        if epochs_before:
            self._restart(epochs_before + 1)

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _writing(self.folder):
            self._events.close()

    def write(self, history: Sequence[dict[str, Any]]) -> None:
        """Writes down the last of the epochs so far. Raises `InputError` where it cannot be written."""
        write_text(self.folder / FILE, "".join(f"{json.dumps(epoch)}\n" for epoch in history))
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        last = history[-1]
        values = [Summary.Value(tag=tag, simple_value=last[key]) for key, tag in _CHARTS.items()]
        self._add(Event(step=last["epoch"], summary=Summary(value=values)))

    def _restart(self, epoch: int) -> None:
        """Tells TensorBoard that what an earlier sitting wrote of this epoch and later ones does not count."""
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._add(Event(step=epoch, session_log=SessionLog(status=SessionLog.START)))

    def _add(self, event: Any) -> None:
        event.wall_time = time.time()
        with _writing(self.folder):
            self._events.write_event(event)
            self._events.flush()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); expected room and rights for it") from error


class Stopwatch(Generic[T]):
    """The items of an iterable, and the seconds spent waiting for them so far."""

    def __init__(self, items: Iterable[T]):
        self._items, self.seconds = iter(items), 0.0

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        asked = time.monotonic()
        try:
            return next(self._items)
        finally:
            self.seconds += time.monotonic() - asked
