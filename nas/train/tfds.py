"""Data sets of tensorflow-datasets; TensorFlow itself is not needed."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import InputError
from nas.picture_file import Undecodable
from nas.resizing import Images
from nas.train.data import Labels, Split
from nas.train.pictures import Pictures, Progress, Source
from nas.train.splitting import Found

_CHUNK = 512  # pictures that are decoded at a time
_SLICE, _NAME = re.compile(r"\[[^]]*\]"), re.compile(r"[a-zA-Z_]\w*")  # of a split such as train[:90%]
_SMALL = 128 * 128  # pixels up to which a picture takes longer to hand over than to decode


def read(
    name: str,
    data_dir: Path | str | None,
    splits: Mapping[str, str],
    unreadable: float,
    room: float,
    progress: Progress | None,
) -> Found:
    """The splits of a prepared data set, and the names of its classes.

    `splits` says which part of the data set is used for train, validation and test, as in
    {"test": "validation"} or {"train": "train[:90%]", "validation": "train[90%:]"}; where
    it does not, the one of that name is, if there is one. Pictures of one size that
    together take at most `room` bytes are decoded now.

    Raises `InputError` where there is no such data set or split, it is not prepared at
    `data_dir` for random access, it is not pictures with a class each, or splits overlap.
    """
    with _quiet():
        builder = _find(name, data_dir)
        chosen = _chosen(builder, name, splits)
        _require_apart(builder, chosen)
        shape = builder.info.features["image"].shape
        count = sum(builder.info.splits[split].num_examples for split in chosen.values())
        if None not in shape and count * prod(shape) <= room:
            found = _decoded(builder, name, chosen, progress)
        else:
            found = {use: _stored(builder, name, split, unreadable) for use, split in chosen.items()}
    classes = tuple(builder.info.features["label"].names)
    return Found(name, found["train"], found.get("validation"), found.get("test"), classes)


def _find(name: str, data_dir: Path | str | None) -> Any:
    """The builder of a data set that is prepared and has pictures with classes."""
    import tensorflow_datasets as tfds

    where = Path(data_dir).expanduser() if data_dir else None
    try:
        builder = tfds.builder(name, data_dir=where, file_format="array_record")
    except (tfds.core.registered.DatasetNotFoundError, AssertionError, ValueError) as error:
        known = ["digits", *tfds.list_builders(with_community_datasets=False)]
        near = get_close_matches(name.lower(), known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; expected digits, a path or a name of tensorflow-datasets"
        if not data_dir and Path(name).is_dir():
            hint = f"; for the folder say ./{name}"
        reason = str(error).strip().splitlines()[0].rpartition('}": ')[2].rstrip(".:")
        raise InputError(f"data.dataset: cannot find '{name}' ({reason}){hint}") from error
    if not builder.info.splits:
        raise InputError(
            f"data.dataset: '{name}' is not prepared at {builder.data_dir}; "
            "say where it is with --data-dir FOLDER, in an experiment data.data_dir, "
            "or prepare it there in the array_record format"
        )
    features = builder.info.features
    if not {"image", "label"} <= set(features) or not hasattr(features["label"], "names"):
        raise InputError(f"data.dataset: '{name}' has {', '.join(features)}; expected an image and a label of classes")
    return builder


def _chosen(builder: Any, name: str, splits: Mapping[str, str]) -> dict[str, str]:
    """Which part of the data set each of our splits is."""
    known = builder.info.splits
    chosen = {use: use for use in ("train", "validation", "test") if use in known}
    for use, split in splits.items():
        if absent := [part for part in _NAME.findall(_SLICE.sub("", split)) if part not in known]:
            where = f"data.splits.{use}: '{name}'"
            raise InputError(f"{where} has no split '{absent[0]}'; expected among {', '.join(known)}")
        try:
            known[split].num_examples  # noqa: B018
        except (ValueError, KeyError, AssertionError) as error:
            reason = str(error).splitlines()[0][:100]
            raise InputError(f"data.splits.{use}: found '{split}' ({reason}); expected as in train[:90%]") from error
        chosen[use] = split
    if "train" not in chosen:
        raise InputError(
            f"data.dataset: '{name}' has the splits {', '.join(known)}; expected train too, or data.splits.train"
        )
    return chosen


def _require_apart(builder: Any, chosen: Mapping[str, str]) -> None:
    """Refuses splits with examples in common."""
    if set(chosen.values()) <= set(builder.info.splits) and len(set(chosen.values())) == len(chosen):
        return  # splits as they are prepared
    places = {use: _places(builder.info.splits[split].file_instructions) for use, split in chosen.items()}
    for one, other in combinations(chosen, 2):
        if shared := len(places[one] & places[other]):
            raise InputError(
                f"data.splits: {one} ({chosen[one]}) and {other} ({chosen[other]}) share {shared} pictures; "
                "expected splits that do not overlap"
            )


def _places(instructions: Sequence[Any]) -> set[tuple[str, int]]:
    """File and place in it of every example that is to be read."""
    return {
        (each.filename, place)
        for each in instructions
        for place in range(each.skip, each.examples_in_shard if each.take < 0 else each.skip + each.take)
    }


def _open(builder: Any, name: str, split: str, **options: Any) -> Any:
    try:
        return builder.as_data_source(split, **options)
    except (NotImplementedError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"data.dataset: '{name}' at {builder.data_dir} cannot be read ({reason}); "
            "expected it prepared in the array_record format"
        ) from error


def _decoded(builder: Any, name: str, chosen: Mapping[str, str], progress: Progress | None) -> dict[str, Split]:
    """All pictures of the splits, of one size."""
    sources = {use: _open(builder, name, split) for use, split in chosen.items()}
    total, done = sum(map(len, sources.values())), 0
    height, width, _ = builder.info.features["image"].shape
    chunks: dict[str, list[Split]] = {use: [] for use in sources}
    for use, source in sources.items():
        for chunk in _in_chunks(source, _rows, threads=1 if height * width <= _SMALL else None):
            chunks[use].append(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
    return {
        use: Split(np.concatenate([c.images for c in mine]), np.concatenate([c.labels for c in mine]))
        for use, mine in chunks.items()
    }


def _stored(builder: Any, name: str, split: str, unreadable: float) -> Split:
    """The pictures of a split, to be decoded when they are read, with their labels, which are read now."""
    import tensorflow_datasets as tfds

    undecoded = _open(builder, name, split, decoders={"image": tfds.decode.SkipDecoding()})
    labels = np.concatenate(list(_in_chunks(undecoded, _labels)))
    source = _Prepared(name, split, _open(builder, name, split), builder.info.features["image"].shape, unreadable)
    return Split(Pictures(source, np.arange(len(labels)), source.channels), labels)


def _in_chunks(source: Any, take: Callable[[list[Any]], Any], threads: int | None = None) -> Iterator[Any]:
    """What `take` makes of the rows of a source, in order. Decoders of large pictures leave Python's lock."""

    def chunk(start: int) -> Any:
        return take(source.__getitems__(list(range(start, min(start + _CHUNK, len(source))))))

    with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
        yield from pool.map(chunk, range(0, len(source), _CHUNK))


def _rows(rows: list[Any]) -> Split:
    return Split(np.stack([row["image"] for row in rows]), _labels(rows))


def _labels(rows: list[Any]) -> Labels:
    return np.array([row["label"] for row in rows], np.int32)


class _Prepared(Source):
    """The pictures of a split as tensorflow-datasets has them."""

    def __init__(self, dataset: str, split: str, rows: Any, shape: tuple[int | None, ...], unreadable: float):
        height, width, channels = shape
        size = None if height is None or width is None else (height, width)
        super().__init__(len(rows), channels or 3, size, unreadable)
        self.dataset, self.split, self.rows = dataset, split, rows

    def name(self, place: int) -> str:
        """Data set, split and number."""
        return f"{self.dataset} {self.split} {place}"

    def read(self, places: Sequence[int], side: int | None) -> list[Images | None]:
        """All at once, which is quicker, unless one cannot be decoded."""
        try:
            return [row["image"] for row in self.rows.__getitems__(list(places))]
        except (OSError, ValueError, RuntimeError):
            return super().read(places, side)

    def decode(self, place: int, side: int | None) -> Images:  # noqa: ARG002
        """The picture in its own size."""
        try:
            image: Images = self.rows[place]["image"]
        except (OSError, ValueError, RuntimeError) as error:
            raise Undecodable(str(error).splitlines()[0][:80] if str(error) else type(error).__name__) from error
        return image


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps advice about decoders and folders off the screen; what matters is raised."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
