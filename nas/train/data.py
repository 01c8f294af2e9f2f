"""Pictures and labels in memory: the embedded digits, or any prepared tensorflow-datasets name."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.errors import InputError

Images = NDArray[np.uint8]
Labels = NDArray[np.int32]
Progress = Callable[[int, int], None]
"""Called with the pictures decoded so far and the pictures to decode."""


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures (N, height, width, channels) in [0, 255], and their class numbers (N,)."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> "Split":
        """The pictures at these places, in this order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of one data set, and the names of its classes by class number."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]


def at_resolution(dataset: Dataset, resolution: int) -> Dataset:
    """The same pictures at `resolution` x `resolution` pixels (see `resize`)."""

    def resized(split: Split) -> Split:
        return Split(resize(split.images, resolution), split.labels)

    if dataset.train.images.shape[1:3] == (resolution, resolution):
        return dataset
    return replace(
        dataset, train=resized(dataset.train), validation=resized(dataset.validation), test=resized(dataset.test)
    )


def load_dataset(
    name: str,
    *,
    data_dir: Path | str | None = None,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
    limit: int | None = None,
    resolution: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Reads a data set into memory.

    `digits` are the 1,797 handwritten digits of 8x8 pixels that scikit-learn carries;
    `seed` splits off the fractions `test` and `validation` of them. Any other name is
    one of tensorflow-datasets, prepared under `data_dir` (or its usual place) in a
    format for random access: its own `test` split is kept, and `validation` is the
    fraction of its `train` split that `seed` sets aside. `limit` is the most pictures to
    keep to train on. Every class keeps its share in every split. With `resolution` the
    pictures are resized to that many pixels a side, which data sets with pictures of
    many sizes need.

    Raises `InputError` where the name is unknown, or nothing usable is at `data_dir`.
    """
    for key, fraction in {"validation": validation, "test": test}.items():
        if not 0 < fraction < 1:
            raise InputError(f"data.{key}: found {fraction}; expected a fraction between 0 and 1")
    if limit is not None and limit < 1:
        raise InputError(f"data.limit: found {limit}; expected at least 1")
    if name == "digits":
        dataset = _load_digits(seed, validation, test)
        dataset = at_resolution(dataset, resolution) if resolution else dataset
    else:
        dataset = _load_tfds(name, data_dir, seed, validation, resolution, progress)
    return with_pictures(dataset, limit, seed)


def with_pictures(dataset: Dataset, count: int | None, seed: int) -> Dataset:
    """The dataset with at most `count` pictures to train on, each class by its share; all where it is None."""
    if count is None or count >= len(dataset.train):
        return dataset
    mask = stratified(dataset.train.labels, count / len(dataset.train), np.random.default_rng(seed))
    return replace(dataset, train=dataset.train.take(np.flatnonzero(mask)))


def resize(images: Images, resolution: int) -> Images:
    """(N, H, W, C) to (N, resolution, resolution, C): the centred square, bilinear with antialiasing."""
    if images.shape[1:3] == (resolution, resolution):
        return images
    return np.stack([resize_one(image, resolution) for image in images])


def resize_one(image: Images, resolution: int) -> Images:
    """(H, W, C) to (resolution, resolution, C): the centred square, bilinear with antialiasing."""
    height, width, channels = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    planes = [Image.fromarray(square[..., c]) for c in range(channels)] if channels != 3 else [Image.fromarray(square)]
    resized = [plane.resize((resolution, resolution), Image.Resampling.BILINEAR) for plane in planes]
    return np.concatenate([np.asarray(p).reshape(resolution, resolution, -1) for p in resized], axis=-1)


def stratified(labels: Labels, fraction: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A random mask (N,) with ceil(fraction * N) places chosen, each class by its share."""
    count = math.ceil(fraction * len(labels))
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    shares = np.floor(exact).astype(int)
    order = np.argsort(shares - exact, kind="stable")  # largest remainder first
    shares[order[: count - shares.sum()]] += 1
    mask = np.zeros(len(labels), dtype=bool)
    for label, share in zip(classes, shares, strict=True):
        mask[generator.permutation(np.flatnonzero(labels == label))[:share]] = True
    return mask


def _load_digits(seed: int, validation: float, test: float) -> Dataset:
    if validation + test >= 1:
        raise InputError(f"data: validation {validation} and test {test} leave nothing to train on; expected less")
    from sklearn.datasets import load_digits  # takes a second to import

    digits = load_digits()
    images = np.rint(digits.images[..., None] * (255 / 16)).astype(np.uint8)  # stored as 0..16
    everything = Split(images, digits.target.astype(np.int32))
    generator = np.random.default_rng(seed)
    held_out, rest = _carve(everything, test, generator)
    checked, train = _carve(rest, validation / (1 - test), generator)
    return Dataset("digits", train, checked, held_out, tuple(map(str, digits.target_names)))


def _carve(split: Split, fraction: float, generator: np.random.Generator) -> tuple[Split, Split]:
    mask = stratified(split.labels, fraction, generator)
    return split.take(np.flatnonzero(mask)), split.take(np.flatnonzero(~mask))


def _load_tfds(
    name: str,
    data_dir: Path | str | None,
    seed: int,
    validation: float,
    resolution: int | None,
    progress: Progress | None,
) -> Dataset:
    from nas.train.tfds import read

    everything, held_out, classes = read(name, data_dir, resolution, progress)
    checked, train = _carve(everything, validation, np.random.default_rng(seed))
    return Dataset(name, train, checked, held_out, classes)
