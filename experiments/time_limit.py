"""An end to what takes too long in this process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 60.0  # seconds until another try, where a library has swallowed the first


class TookTooLong(Exception):
    """The time is over."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raises `TookTooLong` within the block when so much time has passed.

    Wherever Python runs or waits, the block ends; a library's own loop is waited for, and a
    library that swallows the exception is left to end or to be told again. In threads other
    than the main one, which no signal reaches, nothing is raised.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    over = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal over
        over = True
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if over:
        raise TookTooLong
