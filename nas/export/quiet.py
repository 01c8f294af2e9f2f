"""Silence for native libraries that write to standard error whatever they are told."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def quiet() -> Iterator[None]:
    """Drops warnings and what native code writes to standard error.

    What Python itself writes there meanwhile, such as a progress bar drawn by another
    thread, still arrives.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error to keep quiet
            yield
            return
        before = sys.stderr
        try:
            with Path(os.devnull).open("wb") as nowhere:
                before.flush()
                os.dup2(nowhere.fileno(), 2)
            sys.stderr = _onto(kept, before)
            yield
        finally:
            sys.stderr.flush()
            sys.stderr = before
            os.dup2(kept, 2)
            os.close(kept)


def _onto(kept: int, before: TextIO) -> TextIO:
    """A stream to the descriptor `kept`, where `before` wrote to standard error's descriptor."""
    try:
        direct = before.fileno() == 2
    except (OSError, ValueError):
        direct = False
    return open(kept, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False) if direct else before
