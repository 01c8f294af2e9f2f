"""Pictures in NumPy files: an .npz, or a folder of .npy files."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from nas.errors import InputError
from nas.train.data import Split
from nas.train.overlap import require_apart
from nas.train.pictures import Held, Pictures
from nas.train.splitting import Found

# What the arrays of a split may be called; the first is what messages say.
_PREFIXES = {
    "train": ("train_", "", "x_train"),
    "validation": ("validation_", "val_", "x_val"),
    "test": ("test_", "x_test"),
}
_CLASSES = ("classes", "class_names")
_MOST_CLASSES = 100_000
_EXPECTED = "expected images and labels, or train_images, train_labels, test_images, test_labels ..."


def is_numpy(path: Path) -> bool:
    """Whether the path is an .npz file, or a folder that holds .npy files."""
    return path.suffix == ".npz" or (path.is_dir() and any(path.glob("*.npy")))


def read(path: Path, room: float) -> Found:
    """The splits in NumPy files.

    `images` and `labels` are one set, to be split; `train_images` with `train_labels`,
    and the same for `validation_` (or `val_`) and `test_`, are splits. `x_train` with
    `y_train`, as Keras has them, is known too. Images are (N, H, W) or (N, H, W, C) uint8,
    labels (N,) integers from 0; `classes` may name the classes. Files of a folder that
    are larger than `room` bytes stay on the disk and are read as they are needed.

    Raises `InputError` where arrays are missing, of other types, or do not fit together.
    """
    arrays = _open(path, room)
    splits = {name: split for name in _PREFIXES if (split := _split(path, arrays, name)) is not None}
    if "train" not in splits:
        raise InputError(f"{path}: holds {', '.join(sorted(arrays)) or 'no arrays'}; {_EXPECTED}")
    shapes = {split.images.shape[1:] for split in splits.values()}
    if len(shapes) > 1:
        raise InputError(f"{path}: pictures are of shapes {', '.join(map(str, shapes))}; expected one for all splits")
    require_apart(str(path), {name: np.asarray(split.images) for name, split in splits.items()})
    splits = {name: _left_on_disk(split) for name, split in splits.items()}
    classes = _classes(path, arrays, splits["train"].labels)
    return Found(path.stem, splits["train"], splits.get("validation"), splits.get("test"), classes)


def _open(path: Path, room: float) -> Mapping[str, NDArray[Any]]:
    try:
        if path.suffix == ".npz":
            archive = np.load(path, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise ValueError("a single array")
            with archive:
                return {name: archive[name] for name in archive.files}
        files = path.glob("*.npy")
        return {file.stem: np.load(file, mmap_mode=_mode(file, room), allow_pickle=False) for file in files}
    except (OSError, ValueError, EOFError, BadZipFile, KeyError, RuntimeError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:100]
        raise InputError(f"{path}: cannot be read ({reason}); {_EXPECTED}") from error


def _left_on_disk(split: Split) -> Split:
    """The split, with pictures that are read as they are needed where its array is a file."""
    images = split.images
    if not isinstance(images, np.memmap):
        return split
    return Split(Pictures(Held(images), np.arange(len(images)), images.shape[-1]), split.labels)


def _mode(file: Path, room: float) -> Literal["r"] | None:
    return "r" if file.stat().st_size > room else None


def _split(path: Path, arrays: Mapping[str, NDArray[Any]], name: str) -> Split | None:
    for prefix in _PREFIXES[name]:
        keras = prefix.startswith("x_")
        images_name, labels_name = (prefix, f"y_{prefix[2:]}") if keras else (f"{prefix}images", f"{prefix}labels")
        if images_name not in arrays:
            continue
        if labels_name not in arrays:
            raise InputError(f"{path}: has {images_name} and no {labels_name}; expected both")
        images = _images(f"{path}: {images_name}", arrays[images_name])
        return Split(images, _labels(f"{path}: {labels_name}", arrays[labels_name], len(images)))
    return None


def _images(where: str, array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise InputError(f"{where}: is of {array.dtype}; expected uint8, brightness of 0 to 255")
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise InputError(f"{where}: has shape {array.shape}; expected (N, H, W) or (N, H, W, C)")
    return array[..., None] if array.ndim == 3 else array


def _labels(where: str, array: NDArray[Any], count: int) -> NDArray[np.int32]:
    flat = array.reshape(-1) if array.shape == (count, 1) else array
    if not np.issubdtype(array.dtype, np.integer) or flat.shape != (count,):
        raise InputError(f"{where}: is {array.dtype} of shape {array.shape}; expected {count} integers, one a picture")
    if flat.min() < 0 or flat.max() >= _MOST_CLASSES:
        raise InputError(
            f"{where}: reaches from {flat.min()} to {flat.max()}; expected class numbers from 0 to {_MOST_CLASSES - 1}"
        )
    return flat.astype(np.int32)


def _classes(path: Path, arrays: Mapping[str, NDArray[Any]], labels: NDArray[np.int32]) -> tuple[str, ...]:
    """The names that the file gives, else the numbers."""
    for name in _CLASSES:
        if name in arrays:
            if arrays[name].dtype.kind != "U" or arrays[name].ndim != 1:
                raise InputError(f"{path}: {name} is {arrays[name].dtype}; expected texts, the names of classes")
            return tuple(arrays[name].tolist())
    return tuple(map(str, range(int(labels.max()) + 1)))
