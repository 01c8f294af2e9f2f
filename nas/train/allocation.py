"""Memory that a training's steps use again, rather than ask the system for anew."""

import ctypes
import sys
from functools import cache

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8  # mallopt(3), as glibc numbers them
MOST = 2**31 - 1  # bytes; the largest that mallopt takes
PAD = 2**28


@cache
def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed, and whether it heard.

    Left to itself it maps every large array afresh and gives it back at once, so that each
    step waits for the system to clear the same pages. Threads that begin later take from the one heap of the process,
    as what is freed in heaps of their own goes back whatever is asked: so whatever will train calls
    this before it asks JAX for anything, which starts its threads. The process keeps the most
    that it ever needed. Does nothing with other allocators, which mallopt does not reach.
    """
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False  # musl has none
    wanted = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: MOST, M_TOP_PAD: PAD, M_ARENA_MAX: 1}
    heard = [set_option(option, value) for option, value in wanted.items()]  # each is told, whatever the others say
    return all(heard)
