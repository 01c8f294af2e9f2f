"""Folders that appear whole or not at all, for formats that are folders."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nas.errors import InputError


def write_folder(path: Path, fill: Callable[[Path], None], mark: str) -> None:
    """Has `fill` make the folder beside `path`, then puts it there.

    A folder that is there already is replaced where it holds the file `mark`, which says
    that it is of the same kind. Raises `InputError` where it does not, and where `path` cannot be written.
    """
    if path.exists() and not (path / mark).is_file():
        raise InputError(f"{path}: is there already and has no {mark}; expected a place for a new folder")
    beside = path.with_name(f".{os.getpid()}.part.{path.name}")  # converters look at how the name ends
    before = path.with_name(f".before.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _settle(path, before)  # an earlier start may have been killed
        shutil.rmtree(beside, ignore_errors=True)
        fill(beside)
        if path.exists():
            path.replace(before)  # not removed: a moment without either would be long enough to be killed in
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a place to write to") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _settle(path, before)


def _settle(path: Path, before: Path) -> None:
    """What was there before comes back where nothing has taken its place, and goes where something has."""
    if before.exists() and not path.exists():
        with suppress(OSError):
            before.replace(path)
    elif path.exists():
        shutil.rmtree(before, ignore_errors=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
