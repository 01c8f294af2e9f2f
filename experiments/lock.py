"""Locks that keep a second process from what one is writing."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nas.errors import InputError


def hold(file: Path, said: str) -> IO[str]:
    """The file, made where there is none and locked until it is closed or the process ends.

    Raises `InputError` with what is `said` where another process holds it, and OSError where
    it cannot be made.
    """
    lock = file.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise InputError(said) from error
    return lock


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a lock beside a file that is written line by line.

    Raises `InputError` where another process does, or there is no place to write to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = hold(path.with_name(f".{path.name}.lock"), f"{path}: is being written by another process; wait for it")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a place to write to") from error
    with lock:
        yield
