"""Workers that are processes of this machine."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any, cast

from nas.errors import InputError
from nas.search.workers.shares import Share, own_cores, own_gpus, shares
from nas.search.workers.worker import Died, Event, Prepare, Task, Worker

_PROGRAM = "nas.search.workers.process"


class LocalProcesses:
    """An `Engine` of `count` processes, each with its share of the cores or one GPU.

    What they print goes to `worker-0.log` and so on in the folder `logs`, or nowhere.
    """

    def __init__(self, prepare: Prepare, count: int, logs: Path | None = None):
        self.capacity = count
        self._prepare, self._logs = pickle.dumps(prepare), logs
        self._shares = dict(enumerate(shares(count, own_cores(), own_gpus())))

    def hire(self) -> "Process":
        """Starts a process with a share that no other has."""
        place, share = self._shares.popitem()
        with self._log(place) as log:
            process, connection = _started(share, log)
        worker = Process(process, connection, lambda: self._shares.update({place: share}))
        worker.send(share)
        worker.send(self._prepare)
        return worker

    def _log(self, place: int) -> IO[bytes]:
        file = self._logs / f"worker-{place}.log" if self._logs else Path(os.devnull)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return file.open("ab")
        except OSError as error:
            raise InputError(f"{file}: cannot be written ({error.strerror}); expected a place to write to") from error

    def next_event(self, workers: Sequence[Worker], seconds: float | None) -> tuple[Worker, Event] | None:
        """What one of the processes says next, its death included; None where none does within so many seconds."""
        by_connection = {cast(Process, worker).connection: worker for worker in workers}
        spoken = wait(list(by_connection), seconds)
        if not spoken:
            return None
        worker = by_connection[cast("Connection[Any, Any]", spoken[0])]
        return worker, cast(Process, worker).receive()

    def close(self) -> None:
        """Nothing is left when the processes have ended."""


class Process:
    """A `Worker`; `on_end` is called when it is no more."""

    def __init__(self, process: "subprocess.Popen[bytes]", connection: "Connection[Any, Any]", on_end: Any):
        self.process, self.connection, self._on_end = process, connection, on_end
        self._ended = False

    def give(self, task: Task) -> None:
        """Begins the trial."""
        self.send(task)

    def answer(self, go_on: bool) -> None:
        """Says whether the trial that reported an epoch is to go on."""
        self.send(go_on)

    def send(self, message: Any) -> None:
        """Sends it; that the process has died is heard when it is received from."""
        with suppress(OSError):
            self.connection.send(message)

    def receive(self) -> Event:
        """What it says, once it does."""
        try:
            return cast(Event, self.connection.recv())
        except (EOFError, OSError):
            self.process.kill()  # if it closed the connection and lives on
            return Died(_reason(self.process.wait()))

    def end(self) -> None:
        """Ends it at once, whatever it does."""
        if self._ended:
            return
        self._ended = True
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self._on_end()


def _started(share: Share, log: IO[bytes]) -> "tuple[subprocess.Popen[bytes], Connection[Any, Any]]":
    """A process in a session of its own, which Ctrl-C does not reach, and the connection to it."""
    ours, theirs = Pipe()
    environment = {**os.environ, **share.environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, ours


def _reason(code: int) -> str:
    """How a process ended, in words."""
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, as the system does when memory runs out"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"with exit code {code}"
