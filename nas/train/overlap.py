"""Splits that share pictures: an accuracy on what was trained on says nothing."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import InputError

MOST = 0.01  # the share of a split that may be in another: public data sets hold a few pictures twice

Key = tuple[int, bytes]  # of a content: its length and a digest


def require_apart(where: str, splits: Mapping[str, Sequence[Path] | np.ndarray[Any, Any]]) -> None:
    """Refuses splits, of files or of arrays (N, ...), with more than a few equal pictures.

    Raises `InputError`, which begins with `where`, for the first two that overlap.
    """
    if len(splits) < 2:
        return
    keys = {name: _keys(pictures) for name, pictures in splits.items()}
    for one, other in combinations(keys, 2):
        shared = _shared(splits[one], splits[other], keys[one], keys[other])
        fewest = min(len(keys[one]), len(keys[other]))
        if shared > MOST * fewest:
            raise InputError(
                f"{where}: {shared} of {fewest} pictures are both in {one} and in {other}; "
                "expected splits that do not overlap"
            )


def _keys(pictures: Sequence[Path] | np.ndarray[Any, Any]) -> list[int]:
    """What equal pictures share and is had quickly: a file's length, or a digest of an array."""
    if isinstance(pictures, np.ndarray):
        return [hash(_digest(picture.tobytes())) for picture in pictures]
    return [_size(file) for file in pictures]


def _shared(one: Any, other: Any, keys: Sequence[int], others: Sequence[int]) -> int:
    """How many of `one` are in `other`."""
    common = set(keys) & set(others)
    if isinstance(one, np.ndarray):
        return sum(key in common for key in keys)
    contents = {_content(file) for file, key in zip(other, others, strict=True) if key in common} - {None}
    return sum(_content(file) in contents for file, key in zip(one, keys, strict=True) if key in common)


# What cannot be read equals nothing here: decoding counts it, and says why.


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _content(file: Path) -> bytes | None:
    try:
        return _digest(file.read_bytes())
    except OSError:
        return None


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
