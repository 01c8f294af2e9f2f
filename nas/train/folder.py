"""A folder of pictures: one subfolder for each class, or for each split and in it for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nas.errors import MOST_NAMED, InputError
from nas.picture_file import SUFFIXES, decode
from nas.resizing import Images
from nas.train.data import Split
from nas.train.overlap import require_apart
from nas.train.pictures import Pictures, Source
from nas.train.splitting import Found

_NAMES = {"train": "train", "training": "train", "validation": "validation", "val": "validation", "test": "test"}
_COLOURS = 3


def read(path: Path, unreadable: float) -> Found:
    """The pictures under `path`, in colour; their classes are the subfolders' names in alphabetical order.

    Subfolders `train`, `validation` (or `val`) and `test` are splits, each with the classes
    in it. Files that do not end as pictures do are passed over.

    Raises `InputError` where there is nothing of the kind, or splits share pictures.
    """
    folders = _folders(path)
    name = path.resolve().name
    if not any(folder.name in _NAMES for folder in folders):
        classes = [folder.name for folder in folders]
        return Found(name, _files(folders, classes).split(unreadable), None, None, tuple(classes))
    splits = _named(path, folders)
    classes = [folder.name for folder in _folders(splits["train"])]
    files = {split: _files(_classes(folder, classes), classes) for split, folder in splits.items()}
    require_apart(str(path), {split: listed.files for split, listed in files.items()})
    found = {split: listed.split(unreadable) for split, listed in files.items()}
    return Found(name, found["train"], found.get("validation"), found.get("test"), tuple(classes))


def _classes(folder: Path, known: Sequence[str]) -> list[Path]:
    """The classes' folders of a split, which may lack some."""
    inside = _folders(folder)
    if others := [each for each in inside if each.name not in known]:
        raise InputError(f"{others[0]}: is no class to train on; expected among {', '.join(known[:MOST_NAMED])}")
    return inside


def _folders(path: Path) -> list[Path]:
    """The subfolders of a folder; raises `InputError` where it has none, or is none."""
    try:
        folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        reason = str(error.strerror).lower()
        raise InputError(f"{path}: cannot be read ({reason}); expected a folder of folders of pictures") from error
    if not folders:
        raise InputError(f"{path}: has no subfolders; expected one of pictures for each class")
    return folders


def _named(path: Path, folders: Sequence[Path]) -> dict[str, Path]:
    """The folders of splits by the split's name."""
    splits: dict[str, Path] = {}
    for folder in folders:
        name = _NAMES.get(folder.name)
        if name is None:
            raise InputError(f"{folder}: stands beside splits; expected only train, validation and test in {path}")
        if name in splits:
            raise InputError(f"{folder}: is the same split as {splits[name].name}; expected one of them")
        splits[name] = folder
    if "train" not in splits:
        raise InputError(f"{path}: has {', '.join(folder.name for folder in folders)}; expected train too")
    return splits


class _Listed(NamedTuple):
    files: list[Path]
    labels: list[int]

    def split(self, unreadable: float) -> Split:
        source = _Files(self.files, unreadable)
        return Split(Pictures(source, np.arange(len(self.files)), source.channels), np.array(self.labels, np.int32))


def _files(folders: Sequence[Path], classes: Sequence[str]) -> _Listed:
    listed = _Listed([], [])
    for folder in folders:
        mine = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
        if not mine:
            raise InputError(f"{folder}: holds no pictures; expected some, in files such as .jpg or .png")
        listed.files.extend(mine)
        listed.labels.extend([classes.index(folder.name)] * len(mine))
    return listed


class _Files(Source):
    """Picture files, turned upright and made RGB of 8 bits."""

    def __init__(self, files: Sequence[Path], unreadable: float):
        super().__init__(len(files), _COLOURS, None, unreadable)
        self.files = files

    def name(self, place: int) -> str:
        """Its path."""
        return str(self.files[place])

    def decode(self, place: int, side: int | None) -> Images:
        """The picture (H, W, 3), as `nas predict` decodes it too."""
        return decode(self.files[place], side)
