"""Pictures with their labels, in three splits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nas.resizing import Fit, Images, resize
from nas.train.memory import memory_bytes
from nas.train.pictures import Held, Pictures, Progress

Labels = NDArray[np.int32]

MEMORY = 0.25  # the share of this machine's memory that pictures of one size may take; the rest is read as it is needed
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures (N, height, width, channels) in [0, 255], and their class numbers (N,).

    The pictures are an array, or `Pictures` that stand for one and are decoded when they are read.
    """

    images: Images | Pictures
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> "Split":
        """The pictures at these places, in this order."""
        images = self.images.take(indices) if isinstance(self.images, Pictures) else self.images[indices]
        return Split(images, self.labels[indices])

    def batches(self, order: NDArray[np.int64]) -> Iterator[tuple[Images, Labels]]:
        """The pictures and labels of each row of `order` (steps, batch), one after the other."""
        if isinstance(self.images, Pictures):
            yield from zip(self.images.batches(order), self.labels[order], strict=True)
            return
        for chosen in order:
            yield self.images[chosen], self.labels[chosen]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of one data set, and the names of its classes by class number."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    fit: Fit = "crop"  # how pictures become square
    memory: float = MEMORY

    @property
    def channels(self) -> int:
        """The colour channels of every picture."""
        return int(self.train.images.shape[-1])

    @property
    def complaint(self) -> str:
        """What could not be decoded so far, in one line; empty where all could."""
        sources = {id(p.source): p.source for p in (s.images for s in self.splits()) if isinstance(p, Pictures)}
        return "; ".join(filter(None, (source.complaint() for source in sources.values())))

    def splits(self) -> tuple[Split, Split, Split]:
        """Training, validation and test."""
        return self.train, self.validation, self.test


def at_resolution(dataset: Dataset, resolution: int, progress: Progress | None = None) -> Dataset:
    """The same pictures at `resolution` x `resolution` pixels, in memory where they fit there.

    The splits for validation and test have the first claim to the room. Pictures that
    cannot be decoded are left out; where pictures are decoded as they are read, they are grey.
    """
    if all(_is_array(split, resolution) for split in dataset.splits()):
        return dataset
    room = memory_bytes() * dataset.memory
    total, done = sum(map(len, dataset.splits())), 0

    def count(pictures: int) -> None:
        nonlocal done
        done += pictures
        if progress:
            progress(done, total)

    resized = []
    for split in reversed(dataset.splits()):
        size = len(split) * resolution**2 * dataset.channels
        resized.append(_resized(split, resolution, dataset.fit, size <= room, count))
        room -= size if isinstance(resized[-1].images, np.ndarray) else 0
    test, validation, train = resized
    return replace(dataset, train=train, validation=validation, test=test)


def _is_array(split: Split, resolution: int) -> bool:
    return isinstance(split.images, np.ndarray) and split.images.shape[1:3] == (resolution, resolution)


def _resized(split: Split, resolution: int, fit: Fit, fits: bool, count: Callable[[int], None]) -> Split:
    images = split.images
    if _is_array(split, resolution):
        return split
    if isinstance(images, np.ndarray):
        if fits:
            return Split(resize(images, resolution, fit), split.labels)
        images = Pictures(Held(images), np.arange(len(images)), images.shape[-1], fit=fit)
    images = replace(images, resolution=resolution, fit=fit)
    if not fits:
        return Split(images, split.labels)
    decoded, kept = images.decoded(count)
    return Split(decoded, split.labels[kept])


def with_pictures(dataset: Dataset, count: int | None, seed: int) -> Dataset:
    """The dataset with at most `count` pictures to train on, each class by its share; all where it is None."""
    if count is None or count >= len(dataset.train):
        return dataset
    mask = stratified(dataset.train.labels, count / len(dataset.train), np.random.default_rng(seed))
    return replace(dataset, train=dataset.train.take(np.flatnonzero(mask)))


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
