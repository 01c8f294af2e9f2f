"""Text that users write, and files that appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from nas.errors import InputError


def read_text(path: Path, expected: str, what: str = "") -> str:
    """The text of a file in UTF-8, without the byte order mark that some editors begin it with.

    Raises `InputError` where it cannot be read, with what was `expected`; `what` the file is comes first.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"is no UTF-8 text at byte {error.start}"
        raise InputError(f"{what}{path}: cannot be read ({reason}); expected {expected}") from error
    except OSError as error:
        raise InputError(f"{what}{path}: cannot be read ({error.strerror}); expected {expected}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Writes beside `path`, then renames, so that no reader ever sees half a file.

    Raises `InputError` where the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a place to write to") from error


def require_place(path: Path, *, folder: bool = False) -> None:
    """Finds out before long work whether a file, or a `folder`, can be written to `path`, above which folders are made.

    Raises `InputError` where it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(path.parent, os.W_OK) else "Permission denied"
    except OSError as error:
        reason = str(error.strerror)
    if path.is_dir() and not folder:
        reason = "Is a directory"
    if reason:
        raise InputError(f"{path}: cannot be written ({reason}); expected a place to write to")


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for text, in UTF-8."""
    write_bytes(path, text.encode())
