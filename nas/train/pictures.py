"""Pictures that are decoded when they are read, for data that does not fit into memory."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.picture_file import Undecodable
from nas.resizing import Fit, Images, resize_one, with_channels

Progress = Callable[[int, int], None]
"""Called with the pictures decoded so far and the pictures to decode."""

_CHUNK = 256  # pictures that a thread decodes at a time
_NAMED = 3  # pictures that a message names
_GREY = 128  # what stands for a picture that cannot be decoded
_AHEAD = 4  # batches that are decoded before they are asked for


class Source(ABC):
    """Pictures by their place, stored in some form and decoded when read; safe for several threads.

    `size` is the height and width that all of them have, or None where they differ.
    """

    def __init__(self, count: int, channels: int, size: tuple[int, int] | None, unreadable: float):
        self.count, self.channels, self.size, self.unreadable = count, channels, size, unreadable
        self.bad: dict[int, str] = {}  # what could not be decoded: name and reason by place
        self._lock = threading.Lock()

    @abstractmethod
    def name(self, place: int) -> str:
        """What a user calls the picture."""

    @abstractmethod
    def decode(self, place: int, side: int | None) -> Images:
        """The picture (H, W, channels), of which no more than `side` pixels a side are needed.

        Raises `Undecodable`.
        """

    def read(self, places: Sequence[int], side: int | None) -> list[Images | None]:
        """The pictures at these places, None for one that cannot be decoded.

        Raises `InputError` where there are too many of those.
        """
        return [self._read(place, side) for place in places]

    def _read(self, place: int, side: int | None) -> Images | None:
        try:
            return self.decode(place, side)
        except Undecodable as error:
            self._note(place, f"{self.name(place)} ({error})")
            return None

    def _note(self, place: int, said: str) -> None:
        with self._lock:
            self.bad[place] = said
            bad = dict(self.bad)
        if len(bad) > self.unreadable * self.count:
            raise InputError(
                f"data.unreadable: {self.complaint(bad)}; expected at most {self.unreadable:g} of them to be so"
            )

    def complaint(self, bad: dict[int, str] | None = None) -> str:
        """What could not be decoded so far, counted and named in one line; empty where all could."""
        bad = self.bad if bad is None else bad
        if not bad:
            return ""
        named = ", ".join(said for _, said in sorted(bad.items())[:_NAMED])
        more = ", ..." if len(bad) > _NAMED else ""
        return f"{len(bad)} of {self.count} pictures cannot be decoded: {named}{more}"


class Held(Source):
    """Pictures (N, H, W, C) of an array in memory or on the disk, to be resized when they are read."""

    def __init__(self, images: Images):
        super().__init__(len(images), images.shape[-1], (images.shape[1], images.shape[2]), 0)
        self.images = images

    def name(self, place: int) -> str:
        """Its number."""
        return f"picture {place}"

    def decode(self, place: int, side: int | None) -> Images:  # noqa: ARG002
        """The picture as it is held."""
        image: Images = self.images[place]
        return image


@dataclass(frozen=True, eq=False)
class Pictures:
    """Some of a source's pictures, to be indexed as the array (N, H, W, C) uint8 that they stand for.

    What cannot be decoded is grey here, and left out of what `decoded` gives.
    """

    source: Source
    places: NDArray[np.int64]
    channels: int
    resolution: int | None = None  # pixels a side; None: as stored
    fit: Fit = "crop"

    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C), height and width 0 where they differ."""
        height, width = (self.resolution, self.resolution) if self.resolution else self.source.size or (0, 0)
        return len(self), height, width, self.channels

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Images:
        chosen = self.places[index]
        if chosen.ndim == 0:
            return np.asarray(self[np.array([index])][0])
        out = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for picture, image in zip(out, self._read(chosen), strict=True):
            picture[:] = _GREY if image is None else image
        return out

    def __iter__(self) -> Iterator[Images]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or np.uint8, copy=bool(copy))

    def take(self, indices: NDArray[np.int64]) -> "Pictures":
        """Those at these places, in this order."""
        return replace(self, places=self.places[indices])

    def decoded(self, count: Callable[[int], None]) -> tuple[Images, NDArray[np.int64]]:
        """All that can be decoded, (n, H, W, C), and which they are, (n,). `count` is told of each chunk's length.

        Raises `InputError` where too many cannot be, or they differ in size.
        """
        chunks = [np.arange(start, min(start + _CHUNK, len(self))) for start in range(0, len(self), _CHUNK)]
        out = np.empty(self.shape, np.uint8)  # filled in place: joining chunks would need the memory twice
        kept = np.ones(len(self), bool)

        def fill(chunk: NDArray[np.int64]) -> int:
            for index, image in zip(chunk, self._read(self.places[chunk]), strict=True):
                kept[index] = image is not None
                if image is not None:
                    out[index] = image
            return len(chunk)

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:  # decoders leave Python's lock
            for done in pool.map(fill, chunks):
                count(done)
        found = np.flatnonzero(kept)
        return out if len(found) == len(out) else out[found], found

    def _read(self, places: NDArray[np.int64]) -> Iterator[Images | None]:
        if not self.shape[1]:
            raise InputError("data: the pictures have many sizes; expected a resolution to resize them to")
        for image in self.source.read(places.tolist(), self.resolution):
            yield None if image is None else self._fitted(image)

    def _fitted(self, image: Images) -> Images:
        image = with_channels(image, self.channels)
        return resize_one(image, self.resolution, self.fit) if self.resolution else image

    def batches(self, order: NDArray[np.int64]) -> Iterator[Images]:
        """The pictures of each row of `order` (steps, batch), the next ones being decoded meanwhile."""
        import grain  # takes a second to import

        ahead = grain.ReadOptions(num_threads=os.cpu_count() or 1, prefetch_buffer_size=_AHEAD)
        yield from grain.MapDataset.source(_Batches(self, order)).to_iter_dataset(ahead)


class _Batches:
    """Batches by their number, as Grain asks for them."""

    def __init__(self, pictures: Pictures, order: NDArray[np.int64]):
        self.pictures, self.order = pictures, order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, step: int) -> Images:
        return self.pictures[self.order[step]]
