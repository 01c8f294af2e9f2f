"""Folders that appear whole or not at all, for formats that are folders."""

import os
import shutil
from collections.abc import Callable
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        fill(beside)
        shutil.rmtree(path, ignore_errors=True)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a place to write to") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
