"""Compiled programs on disk, found again by what they are of, so that a later process need not even trace them.

JAX's own cache on disk knows a program by its text, for which it has to be traced and lowered
first; that takes longer than all else before a known network's first step. Here a program is
known by what it was made from: the block, the shapes, the sources of this package, the
versions, the processor's instructions, so that machines of two kinds may share a home, and
all settings of JAX that may change its numbers.

Entries are machine code in pickles, as JAX's are machine code: whoever may write the folder may
run what they like. So the folder is for its owner alone, and one that others may write to, or
own, is not used. An entry that is damaged is as good as none.
"""

import atexit
import os
import pickle
import threading
import zlib
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.experimental import serialize_executable

from nas.errors import InputError
from nas.files import write_bytes
from nas.processor import instruction_sets

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")
_SOURCES = Path(__file__).parents[1]
_APART = ("export", "search")  # packages that training does not import
_DIGEST = 32  # bytes at the beginning of an entry, of all that follow
_FORM = 3  # to be counted up when entries change


_postponed: list[tuple[str, Any, Any]] = []
_here = threading.local()  # whether a thread has compiled what it asked for, and not found it


def _hear(event: str, **_: Any) -> None:
    if event == "/jax/compilation_cache/cache_misses":
        _here.compiled = True


jax.monitoring.register_event_listener(_hear)


class Place:
    """Where programs are kept, once it is said."""

    folder: Path | None = None


class Kept(NamedTuple):
    """A program that was found: the shapes of what it gives, and what it is loaded from."""

    shapes: Any
    serialized: bytes

    def load(self, arguments: tuple[Any, ...]) -> Any:
        """The program for arguments like these. What it raises is up to JAX."""
        in_tree, out_tree = jax.tree.structure((arguments, {})), jax.tree.structure(self.shapes)
        here = jax.local_devices()[:1]
        return serialize_executable.deserialize_and_load(self.serialized, in_tree, out_tree, execution_devices=here)


def keep_in(folder: Path) -> None:
    """Has programs kept in the folder, where it belongs to this user alone or can be made so."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
            return
        Place.folder = folder
        atexit.register(keep_postponed)


def key_of(said: str, arguments: tuple[Any, ...]) -> str:
    """The name of the entry for a program that is told by `said`, and its arguments' shapes."""
    leaves, tree = jax.tree.flatten(arguments)
    shapes = [(tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves]
    return sha256("\n".join((_surroundings(), said, str(tree), str(shapes))).encode()).hexdigest()


def find(key: str) -> Kept | None:
    """The program of this name, or None where there is none that is whole."""
    if Place.folder is None:
        return None
    try:
        content = (Place.folder / key).read_bytes()
        if sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        return Kept(*pickle.loads(zlib.decompress(content[_DIGEST:])))
    except (OSError, zlib.error, pickle.UnpicklingError, AttributeError, ImportError, TypeError, ValueError, EOFError):
        return None


def keep(key: str, compiled: Any, shapes: Any) -> None:
    """Writes a compiled program, where it can be written at all: a later process is the slower without."""
    if Place.folder is None:
        return
    try:
        serialized, _, _ = serialize_executable.serialize(compiled)
        content = zlib.compress(pickle.dumps((shapes, serialized)), 1)
    except (ValueError, NotImplementedError, TypeError, pickle.PicklingError, jax.errors.JaxRuntimeError):
        return  # JAX says in so many ways that it writes no programs of this platform; the one at hand serves on
    with suppress(InputError):
        write_bytes(Place.folder / key, sha256(content).digest() + content)


def compile_to_keep(lowered: Any, key: str, shapes: Any) -> Any:
    """Compiles a program, and has it written by `keep_postponed` or at the end of the process: something waits now.

    What JAX had already, on disk or in memory, is not written: XLA (jaxlib 0.10) writes of a program that was
    loaded once only a part, with which it fails when it is run.
    """
    _here.compiled = False
    compiled = lowered.compile()
    if Place.folder is not None and _here.compiled:
        _postponed.append((key, compiled, shapes))
    return compiled


def keep_postponed() -> None:
    """Writes what was put off."""
    with suppress(IndexError):
        while True:
            keep(*_postponed.pop())


@cache
def _surroundings() -> str:
    """All that programs depend on beside what they are of."""
    sources = sha256()
    for file in sorted(_SOURCES.rglob("*.py")):
        name = file.relative_to(_SOURCES)
        if name.parts[0] not in _APART:
            sources.update(f"{name}\n".encode() + file.read_bytes())
    settings = {name: value for name, value in jax.config.values.items() if "cache" not in name}
    device = jax.devices()[0]
    parts = (
        _FORM,
        sources.hexdigest(),
        [version(package) for package in _PACKAGES],
        sorted((name, str(value)) for name, value in settings.items()),
        os.environ.get("XLA_FLAGS", ""),
        (device.platform, device.device_kind, device.client.platform_version, len(jax.devices())),
        instruction_sets() if device.platform == "cpu" else (),
    )
    return repr(parts)
