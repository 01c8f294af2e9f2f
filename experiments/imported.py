"""The folder of a network that was made elsewhere: what a training's has, as far as it is known."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from experiments.architectures import TRAINED
from experiments.stages.winner import dump_yaml
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.labels import NAME as LABELS
from nas.files import write_text
from nas.network import Network
from nas.picture_file import Undecodable, picture_files, read_picture
from nas.resizing import Images
from nas.train.checkpoint import Checkpoints
from nas.train.recipe import Recipe
from nas.train.step import Chain

IMPORTED = "import.json"
_RECIPE = Recipe(optimizer="sgd", momentum=0)  # nothing was trained here; its state is the smallest


def is_imported(folder: Path) -> bool:
    """Whether a folder is that of a network that was imported."""
    return (folder / IMPORTED).is_file()


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` when all of it is there.

    Raises `InputError` where `out` exists and is not empty, or cannot be made.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out}: exists already; expected a new folder, or an empty one")
    part = out.absolute().with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if out.is_dir():
            out.rmdir()
        part.rename(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); expected a place to write to") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_network(folder: Path, name: str, network: Network, architecture: Architecture) -> None:
    """Writes the network as a checkpoint, as `nas export` and `nas train --init` read it, and its architecture."""
    checkpoints = folder / "checkpoints"
    with Checkpoints(checkpoints, architecture, _RECIPE, 0, network, {"start": f"imported as {name}"}) as kept:
        kept.save(0, Chain.of(network).state(network, _RECIPE), [])
    write_text(folder / TRAINED, dump_yaml({"name": name, "architecture": architecture.text}))


def write_about(folder: Path, about: dict[str, Any], labels: Sequence[str]) -> None:
    """Writes where the network is from, which makes the folder one of an import, and its classes' names."""
    if labels:
        write_text(folder / LABELS, "".join(f"{label}\n" for label in labels))
    write_text(folder / IMPORTED, json.dumps(about, indent=1, allow_nan=False))


def imported_pictures(folder: Path, architecture: Architecture, count: int, moved: str | None = None) -> Images:
    """At most `count` of the pictures that the import was given, (n, H, W, C), to calibrate by; none where none were.

    They are read from where they have `moved`. A `count` of 0 does not look.
    Raises `InputError` where they are no longer there.
    """
    side, channels = architecture.resolution, architecture.channels
    try:
        source = json.loads((folder / IMPORTED).read_text(encoding="utf-8"))["pictures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / IMPORTED}: cannot be read; expected what `nas import` wrote") from error
    if (source is None and moved is None) or not count:
        return np.zeros((0, side, side, channels), np.uint8)
    if moved is None and not Path(source).exists():
        found = f"{folder / IMPORTED}: pictures: {source} does not exist"
        raise InputError(f"{found}; expected --data with where the pictures are now")
    files = picture_files([Path(moved or source)])
    chosen = np.random.default_rng(0).permutation(len(files))[:count]
    return np.concatenate([pixels for pixels, _ in decoded([files[i] for i in chosen], side, channels)])


def decoded(files: Sequence[Path], side: int, channels: int, chunk: int = 128) -> Iterator[tuple[Images, list[str]]]:
    """The pictures in files, up to `chunk` at a time as (n, side, side, channels), and what could not be decoded."""
    for start in range(0, len(files), chunk):
        pictures, undecodable = [np.zeros((0, side, side, channels), np.uint8)], []
        for file in files[start : start + chunk]:
            try:
                pictures.append(read_picture(file, (side, side), channels)[None])
            except Undecodable as error:
                undecodable.append(f"{file} ({error})")
        yield np.concatenate(pictures), undecodable
