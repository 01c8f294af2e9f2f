"""Several hosts that train one network together, each with devices of its own.

All run the same command on the same pictures, and see one folder. The first of them writes
what is not Orbax', which knows of hosts itself.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax
import numpy as np

from nas.errors import InputError

_LONGEST = 4096  # bytes of a text that hosts pass on
_FORM = "ADDRESS:PORT,COUNT,NUMBER, as in node0:7000,2,0 on the first of two hosts"


@dataclass(frozen=True)
class Hosts:
    """Where the first of all hosts is to be found, how many there are, and which of them this is, from 0."""

    address: str
    count: int
    number: int


def read_hosts(text: str, where: str = "--hosts") -> Hosts:
    """Hosts as a command line spells them. Raises `InputError`, which begins with `where`, for what is none."""
    parts = re.fullmatch(r"([^,\s]+:\d{1,5}),(\d{1,6}),(\d{1,6})", text)
    if not parts:
        raise InputError(f"{where}: found '{text}'; expected {_FORM}")
    found = Hosts(parts[1], int(parts[2]), int(parts[3]))
    if found.number >= found.count:
        raise InputError(f"{where}: found number {found.number} of {found.count} hosts; expected them counted from 0")
    return found


def hosts_of_environment() -> Hosts | None:
    """What JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say, or None where none of them is set.

    Raises `InputError` where only some of them are given, or no numbers.
    """
    address, *counts = names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    if not any(name in os.environ for name in names):
        return None
    if address not in os.environ:
        given = next(name for name in counts if name in os.environ)
        raise InputError(f"{address}: found nothing beside {given}; expected where the first host is to be reached")
    for name in counts:
        if not (found := os.environ.get(name, "")).isdigit():
            raise InputError(f"{name}: found '{found}'; expected a number beside {address}")
    return read_hosts(",".join(os.environ[name] for name in names), address)


def join_hosts(hosts: Hosts | None = None) -> bool:
    """Joins the other hosts of a training: those given, else those that the environment says, else none.

    To be called before anything asks JAX for its devices. Waits for all of them, five minutes
    at most. Returns whether there are any; raises `InputError` where they do not come together.
    """
    hosts = hosts or hosts_of_environment()
    if hosts is None or jax.distributed.is_initialized():
        return hosts is not None
    try:
        jax.distributed.initialize(hosts.address, hosts.count, hosts.number)
    except RuntimeError as error:
        said = str(error).splitlines()[0][:200]
        raise InputError(f"{hosts.address}: {hosts.count} hosts have not come together ({said})") from error
    return True


@contextmanager
def chatter_aside() -> Iterator[None]:
    """Within it what libraries in C print, as that hosts have met, goes to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def is_first() -> bool:
    """Whether this is the host that writes for all; a host by itself is."""
    return jax.process_index() == 0


def first_says(text: str) -> str:
    """The text of the first host, on all of them, which have to call this together."""
    if jax.process_count() == 1:
        return text
    from jax.experimental.multihost_utils import broadcast_one_to_all

    letters = np.zeros(_LONGEST, np.uint8)
    content = np.frombuffer(text.encode()[:_LONGEST], np.uint8)
    letters[: len(content)] = content
    heard: bytes = np.asarray(broadcast_one_to_all(letters), np.uint8).tobytes()
    return heard.rstrip(b"\0").decode(errors="ignore")
