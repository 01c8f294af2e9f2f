"""Data sets by name: the embedded digits, tensorflow-datasets, a folder of pictures, or NumPy files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas.errors import InputError
from nas.resizing import Fit, with_channels
from nas.train.data import MEMORY, Dataset, Split, at_resolution, with_pictures
from nas.train.memory import memory_bytes
from nas.train.pictures import Pictures, Progress
from nas.train.splitting import Found, require_classes, require_labels, with_splits


def load_dataset(
    name: str,
    *,
    data_dir: Path | str | None = None,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
    splits: Mapping[str, str] | None = None,
    limit: int | None = None,
    resolution: int | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    unreadable: float = 0.01,
    memory: float = MEMORY,
    progress: Progress | None = None,
) -> Dataset:
    """Reads a data set.

    `name` is one of

    * `digits`: the 1,797 handwritten digits of 8x8 pixels that scikit-learn carries;
    * a path, which has a slash or ends in .npz: a folder of pictures (`nas.train.folder`),
      or NumPy files (`nas.train.arrays`);
    * any other: a data set of tensorflow-datasets, prepared under `data_dir` (or its usual
      place) for random access (`nas.train.tfds`), of which `splits` names the splits.

    Splits that it does not have are taken from its training pictures: `seed` sets aside the
    fractions `test` and `validation` of them, each class by its share. `limit` is the most
    pictures to keep to train on. `channels` makes grey of colour or the reverse. With
    `resolution` the pictures are resized to that many pixels a side (`at_resolution`), as
    `fit` says. Of stored pictures the share `unreadable` may be impossible to decode.
    Pictures take at most the share `memory` of this machine's; of larger splits they are
    decoded as they are needed.

    Raises `InputError` where there is no such data set, or not such as can be trained on.
    """
    for key, fraction in {"validation": validation, "test": test}.items():
        if not 0 < fraction < 1:
            raise InputError(f"data.{key}: found {fraction}; expected a fraction between 0 and 1")
    if limit is not None and limit < 1:
        raise InputError(f"data.limit: found {limit}; expected at least 1")
    found = _find(name, data_dir, splits or {}, unreadable, memory_bytes() * memory, progress)
    require_classes(found)
    require_labels(found)
    dataset = replace(with_splits(found, validation, test, seed), fit=fit, memory=memory)
    dataset = _with_channels(dataset, channels)
    dataset = with_pictures(dataset, limit, seed)
    return at_resolution(dataset, resolution, progress) if resolution else dataset


def _find(
    name: str,
    data_dir: Path | str | None,
    splits: Mapping[str, str],
    unreadable: float,
    room: float,
    progress: Progress | None,
) -> Found:
    if is_path(name):
        path = _expanded(name)
        if splits:
            raise InputError(f"data.splits: are for tensorflow-datasets; expected none for {name}")
        from nas.train import arrays, folder

        return arrays.read(path, room) if arrays.is_numpy(path) else folder.read(path, unreadable)
    if name == "digits":
        return _digits()
    from nas.train import tfds

    return tfds.read(name, data_dir, splits, unreadable, room, progress)


def _expanded(name: str) -> Path:
    """The path with ~ as a user's home."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise InputError(f"data: found '{name}'; expected the home of a user that there is") from error


def is_path(name: str) -> bool:
    """Whether a data set's name is that of a folder or a file."""
    said = name.startswith(("/", "~", ".")) or name.endswith(("/", ".npz"))
    return said or ("/" in name and Path(name).exists())


def _with_channels(dataset: Dataset, channels: int | None) -> Dataset:
    def changed(split: Split) -> Split:
        if isinstance(split.images, Pictures):
            return Split(replace(split.images, channels=channels or split.images.channels), split.labels)
        return Split(with_channels(split.images, channels), split.labels)

    train, validation, test = map(changed, dataset.splits())
    return replace(dataset, train=train, validation=validation, test=test)


def _digits() -> Found:
    from sklearn.datasets import load_digits  # takes a second to import

    digits = load_digits()
    images = np.rint(digits.images[..., None] * (255 / 16)).astype(np.uint8)  # stored as 0..16
    split = Split(images, digits.target.astype(np.int32))
    return Found("digits", split, None, None, tuple(map(str, digits.target_names)))
