"""A worker process: waits for trials on a connection to the search, and ends when the search does."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from nas.search.workers.shares import Share
from nas.search.workers.worker import Ready, Refused, Reported, prepared, trained

_PR_SET_PDEATHSIG = 1  # of prctl(2)


def main() -> None:
    """`python -m nas.search.workers.process FD`: works until the connection with that number is closed."""
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    _die_first()
    inbox = _listen(connection)
    share: Share = inbox.get()
    share.claim()
    train = prepared(inbox.get())
    connection.send(train if isinstance(train, Refused) else Ready())
    while not isinstance(train, Refused):

        def judge(epoch: int, accuracy: float) -> bool:
            connection.send(Reported(epoch, accuracy))
            return bool(inbox.get())

        connection.send(trained(train, inbox.get(), judge))


def _listen(connection: "Connection[Any, Any]") -> "SimpleQueue[Any]":
    """What comes over the connection; ends the process when the search has gone, whatever it is doing."""
    inbox: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        while True:
            try:
                inbox.put(connection.recv())
            except (EOFError, OSError):
                os._exit(1)

    Thread(target=listen, daemon=True).start()
    return inbox


def _die_first() -> None:
    """Where Linux runs out of memory it ends this process, not the search; and this one when the search has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
