"""How much room compiled programs may take on disk: what was not used for longest makes way."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nas.errors import InputError

SIZE = 2048  # megabytes for all, unless EDGESCALE_CACHE_SIZE says otherwise
_LEFT = 0.75  # of the size, where some had to make way
_LOOKED = ".looked"  # a file whose age says when the folder was last looked through
_SECONDS = 24 * 3600.0


def megabytes() -> float:
    """The most that all programs may take. Raises `InputError` where EDGESCALE_CACHE_SIZE is no number."""
    said = os.environ.get("EDGESCALE_CACHE_SIZE", "")
    try:
        found = float(said or SIZE)
    except ValueError:
        found = -1
    if not found >= 0:
        raise InputError(f"EDGESCALE_CACHE_SIZE: found '{said}'; expected megabytes, 0 or more")
    return found


def make_room(folders: Sequence[Path], most: float) -> int:
    """Deletes from the folders what is more than `most` megabytes, the longest unused first; how many files.

    Looks once a day at most: there may be tens of thousands of them.
    """
    stamp = folders[0] / _LOOKED
    with suppress(OSError):
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _SECONDS:
            return 0
        stamp.touch()
    found = sorted(_files(folders))
    left, deleted = sum(size for _, size, _ in found), 0
    if left <= most * 1e6:
        return 0
    for _, size, path in found:
        if left <= _LEFT * most * 1e6:
            break
        with suppress(OSError):  # another process was quicker
            path.unlink()
            left, deleted = left - size, deleted + 1
    return deleted


def _files(folders: Sequence[Path]) -> list[tuple[float, int, Path]]:
    """When each was last used, as far as the file system says, its bytes and its path."""
    found = []
    for folder in folders:
        with suppress(OSError):
            for path in folder.iterdir():
                with suppress(OSError):
                    about = path.stat()
                    if path.name != _LOOKED:
                        found.append((max(about.st_atime, about.st_mtime), about.st_size, path))
    return found
