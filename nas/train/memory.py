"""How much memory this machine, or the container that it is, has."""

import os
from contextlib import suppress
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container; "max" where it has none


def memory_bytes() -> int:
    """Bytes of memory that processes here may use."""
    known = [16 * 2**30]  # where a system says nothing
    with suppress(ValueError, OSError, AttributeError):
        known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(ValueError, OSError):
        known.append(int(_LIMIT.read_text()))
    return min(known)
