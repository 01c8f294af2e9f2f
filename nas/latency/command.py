"""Any other device: the user's own command, which is given a file and prints milliseconds."""

import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Literal, NamedTuple

from nas.errors import InputError
from nas.latency.command_output import milliseconds, tail
from nas.latency.measuring import PRECISIONS, Measurement, MeasurementFailed, Precision, relative_spread
from nas.latency.place import HEAD, REMARKS, Place

MODEL, BOARD, PYTHON, HERE = "{model}", "{board}", "{python}", "{here}"
MOST_OUTPUT = 2**20  # bytes of either stream; a command that prints more is cut off
PATIENCE = 5.0  # seconds that a command's output may be held open after its end
LONGEST_TIMEOUT = 86_400


class _Ended(NamedTuple):
    """How a command ended: its code, or None where it ran out of time; and what it printed."""

    code: int | None
    out: str
    error: str


@dataclass(frozen=True)
class CommandDevice:
    """A device behind a command line with `{model}` in it.

    The command is split as a shell would and run without one, unless `shell` is set. It may
    take `timeout_s`, and is tried `retries` times again where it fails. It runs `runs` times, whose
    median counts. With `boards`, as many files are measured at a time, and `{board}` stands for a
    board that is free. `{python}` is the interpreter that this runs in, `{here}` the `folder`.
    """

    name: str
    title: str
    command: str
    precision: Precision = "int8"
    shell: bool = False
    timeout_s: float = 60.0
    retries: int = 2
    runs: int = 1
    largest_spread: float = 0.2
    unit: str = "ms"
    pattern: re.Pattern[str] | None = None
    boards: tuple[str, ...] = ()
    folder: Path = Path()
    kind: Literal["command"] = "command"
    evidence: Literal["measured"] = "measured"
    known_error: None = None
    _free: "SimpleQueue[str]" = field(default_factory=SimpleQueue, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for board in self.boards or ("",):
            self._free.put(board)

    @property
    def parallel(self) -> int:
        """One file a board."""
        return max(1, len(self.boards))

    def measure(self, model: Path) -> Measurement:
        """Runs the command for the file; raises `MeasurementFailed` with what it printed."""
        with self._board() as board:
            values = [self._number(model, board) for _ in range(self.runs)]
        spread = relative_spread(values)
        if spread > self.largest_spread:
            raise MeasurementFailed(
                f"{self.name}: {model.name}: the middle half of {self.runs} runs of the command spreads by "
                f"{spread:.1%}, over {self.largest_spread:.1%}; expected a device with nothing else to do"
            )
        return Measurement(statistics.median(values), spread, self.runs, board)

    @contextmanager
    def _board(self) -> Iterator[str]:
        board = self._free.get()
        try:
            yield board
        finally:
            self._free.put(board)

    def _number(self, model: Path, board: str) -> float:
        """The milliseconds of the first try that works."""
        for attempt in range(1 + self.retries):
            try:
                return self._once(model, board)
            except MeasurementFailed as error:
                if attempt == self.retries:
                    tries = f" ({attempt + 1} tries)" if attempt else ""
                    raise MeasurementFailed(f"{error}{tries}") from error
        raise ValueError(f"retries is {self.retries}; expected 0 or more")

    def _once(self, model: Path, board: str) -> float:
        where = f"{self.name}{f' {board}' if board else ''}: the command"
        try:
            ended = _run(self._line(model, board), self.timeout_s)
        except OSError as error:
            raise MeasurementFailed(f"{where} cannot be started ({error.strerror}: {error.filename})") from error
        said = tail(f"{ended.out}\n{ended.error}")
        if ended.code is None:
            raise MeasurementFailed(f"{where} took longer than {self.timeout_s:g} s; it had printed {said}")
        if ended.code != 0:
            raise MeasurementFailed(f"{where} ended with code {ended.code}; it printed {said}")
        searched = ended.out if self.pattern is None else f"{ended.out}\n{ended.error}"
        try:
            return milliseconds(searched, self.unit, self.pattern)
        except InputError as error:
            raise MeasurementFailed(f"{where} {error}") from error

    def _line(self, model: Path, board: str) -> list[str]:
        """The command's words; in a shell's line the names are quoted."""
        values = {
            MODEL: str(model.absolute()),
            BOARD: board,
            PYTHON: sys.executable,
            HERE: str(self.folder.absolute()),
        }
        if not self.shell:
            return [_filled(word, values) for word in shlex.split(self.command)]
        return ["/bin/sh", "-c", _filled(self.command, {key: shlex.quote(value) for key, value in values.items()})]


def read_command(name: str, title: str, content: Mapping[str, Any], place: Place, folder: Path) -> CommandDevice:
    """The device that `content` describes, in a file in `folder`.

    Raises `InputError` for a command that cannot be one, and for a wrong option.
    """
    readers = {
        "command": lambda value, here: here.line(value),
        "precision": lambda value, here: here.among(value, PRECISIONS),
        "shell": lambda value, here: here.flag(value),
        "timeout_s": lambda value, here: here.number(value, positive=True, most=LONGEST_TIMEOUT),
        "retries": lambda value, here: here.whole(value, 0, 100),
        "runs": lambda value, here: here.whole(value, 1, 1000),
        "largest_spread": lambda value, here: here.number(value, positive=True),
        "unit": lambda value, here: here.among(value, ("ms", "us", "s")),
        "pattern": _pattern,
        "boards": _boards,
    }
    place.check_keys(content, ("command",), tuple(readers), (*HEAD, *REMARKS))
    options = {key: readers[key](value, place.at(key)) for key, value in content.items()}
    _check_command(options, place.at("command"))
    return CommandDevice(name, title, folder=folder, **options)


def _check_command(options: Mapping[str, Any], place: Place) -> None:
    command, boards = options["command"], options.get("boards", ())
    if MODEL not in command:
        raise place.wrong(command, f"a command line with {MODEL} in it")
    if (BOARD in command) != bool(boards):
        right = f"{BOARD} in it for the boards" if boards else f"boards beside it, for its {BOARD}"
        raise place.wrong(command, right)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise place.wrong(command, f"a command line ({error})") from error
    if words and MODEL in words[0]:
        raise place.wrong(command, f"a program before {MODEL}")


def _pattern(value: Any, place: Place) -> re.Pattern[str]:
    right = "a regular expression with one group, the number"
    try:
        pattern = re.compile(place.line(value), re.MULTILINE)
    except re.error as error:
        raise place.wrong(value, f"{right} ({error})") from error
    if pattern.groups != 1:
        raise place.wrong(value, right)
    return pattern


def _boards(value: Any, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len({str(board) for board in value}) != len(value):
        raise place.wrong(value, "a list of distinct boards, as {board} is to read for each")
    return tuple(place.at(index).line(board) for index, board in enumerate(value))


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder replaced once: a file's name may look like one."""
    return re.sub("|".join(map(re.escape, values)), lambda match: values[match[0]], text)


_running: set[int] = set()  # the process groups of commands under way


def _run(words: list[str], timeout_s: float) -> _Ended:
    """Runs a command in a process group of its own, which ends with it.

    What a command starts may outlive it and hold its output open; none of it may outlive this.
    """
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    _running.add(process.pid)
    streams = [_Stream(stream) for stream in (process.stdout, process.stderr) if stream]
    code: int | None
    try:
        deadline = time.monotonic() + timeout_s
        code = process.wait(timeout_s)
        for stream in streams:  # whose other end a child of the command may still hold
            stream.join(max(0.0, min(PATIENCE, deadline - time.monotonic())))
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end(process.pid)
        process.wait()
        _running.discard(process.pid)
    for stream in streams:
        stream.join(PATIENCE)
    return _Ended(code, *(stream.text for stream in streams))


def end_commands() -> None:
    """Ends the commands under way, for a process that is about to end at once: Ctrl-C does not reach their groups."""
    for group in tuple(_running):
        _end(group)


def _end(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


class _Stream(threading.Thread):
    """Reads what a command prints, up to a bound, beyond which the command finds its output closed."""

    def __init__(self, stream: IO[bytes]):
        super().__init__(daemon=True)
        self._stream = stream
        self._data = bytearray()
        self.start()

    def run(self) -> None:
        with self._stream as stream:
            while len(self._data) < MOST_OUTPUT and (read := os.read(stream.fileno(), 65536)):
                self._data += read

    @property
    def text(self) -> str:
        return bytes(self._data).decode(errors="replace")
