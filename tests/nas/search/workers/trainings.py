"""What workers train in tests: stand-ins whose every epoch leaves a file, as a checkpoint does.

They are named by import path, since a worker is a process of its own.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from nas.architecture import Architecture
from nas.errors import InputError
from nas.search.trainer import Ended

EPOCHS = 3
ARCHITECTURE = Architecture.parse("input 8x8x1\nstage conv k3 c8\nhead dense c2")


@dataclass(frozen=True)
class Epochs:
    """Trains in `folder` for some epochs, of which each takes `seconds`; gives what only the worker knows."""

    folder: Path
    epochs: int = EPOCHS
    seconds: float = 0.0

    def __call__(self):
        """What a worker trains with."""
        (self.folder / f"worker-{os.getpid()}").touch()
        return self.train

    def train(self, number, architecture, judge):
        """Trains a trial, or the rest of it; judges hear of the earlier epochs too."""
        (self.folder / f"pid-{number}").write_text(str(os.getpid()))
        accuracy = 0.0
        for epoch in range(1, self.epochs + 1):
            accuracy = round(len(architecture.text) / 100 + epoch / 1000 + number / 10**6, 6)
            done = self.folder / f"trial-{number}" / f"epoch-{epoch}"
            if not done.exists():
                time.sleep(self.seconds)
                done.parent.mkdir(exist_ok=True)
                with done.open("x"):
                    pass
            if not judge(epoch, accuracy):
                return Ended(number, accuracy, stopped=True)
        return Ended(number, accuracy, measures={"cores": len(os.sched_getaffinity(0))})


def troubled():
    """Each trial has a trouble of its own."""
    return trouble


def trouble(number, _architecture, _judge):
    """Trial 0 ends its process, 1 raises, 2 hangs, 3 finds a full disk, 4 is well."""
    if number == 0:
        os._exit(7)
    if number == 1:
        raise MemoryError("RESOURCE_EXHAUSTED: 1 GiB\nmore")
    if number == 2:
        time.sleep(1000)
    if number == 3:
        raise InputError("checkpoints: No space left on device")
    return Ended(number, 0.5)


def unprepared():
    """Data that cannot be used."""
    raise InputError("data: found none; expected some")


def stillborn():
    """A worker that ends before it is ready."""
    os._exit(3)


def alive(pid):
    """Whether a process is there and is more than its entry in the table."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def worker_pids(folder):
    """The processes that `Epochs` of a folder ran in."""
    return [int(file.name.removeprefix("worker-")) for file in folder.glob("worker-*")]
