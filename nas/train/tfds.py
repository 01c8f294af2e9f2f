"""Data sets of tensorflow-datasets, decoded into memory; TensorFlow itself is not needed."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import InputError
from nas.train.data import Progress, Split, resize_one

_CHUNK = 512  # pictures that are decoded at a time
_SMALL = 128 * 128  # pixels up to which a picture takes longer to hand over than to decode


def read(
    name: str, data_dir: Path | str | None, resolution: int | None, progress: Progress | None
) -> tuple[Split, Split, tuple[str, ...]]:
    """The splits `train` and `test` of a prepared data set, and the names of its classes.

    Raises `InputError` where there is no such data set, it is not prepared at `data_dir`
    for random access, or it is not pictures with a class each.
    """
    with _quiet():
        builder = _find(name, data_dir)
        sources = {split: _open(builder, name, split) for split in ("train", "test")}
        total, done = sum(map(len, sources.values())), 0
        chunks: dict[str, list[Split]] = {split: [] for split in sources}
        for split, source in sources.items():
            for chunk in _decode(source, builder.info.features["image"].shape, resolution):
                chunks[split].append(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
    return _join(name, chunks["train"]), _join(name, chunks["test"]), tuple(builder.info.features["label"].names)


def _find(name: str, data_dir: Path | str | None) -> Any:
    """The builder of a data set that is prepared, has classes and the splits train and test."""
    import tensorflow_datasets as tfds

    where = Path(data_dir).expanduser() if data_dir else None
    try:
        builder = tfds.builder(name, data_dir=where, file_format="array_record")
    except (tfds.core.registered.DatasetNotFoundError, AssertionError, ValueError) as error:
        near = get_close_matches(name, tfds.list_builders(with_community_datasets=False), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; expected 'digits' or a name of tensorflow-datasets"
        reason = str(error).strip().splitlines()[0].rpartition('}": ')[2].rstrip(".:")
        raise InputError(f"data.dataset: cannot find '{name}' ({reason}){hint}") from error
    if not builder.info.splits:
        raise InputError(
            f"data.dataset: '{name}' is not prepared at {builder.data_dir}; "
            "say where it is with --set data.data_dir=FOLDER, or prepare it there in the array_record format"
        )
    if missing := [split for split in ("train", "test") if split not in builder.info.splits]:
        found = ", ".join(builder.info.splits)
        raise InputError(f"data.dataset: '{name}' has the splits {found}; expected {' and '.join(missing)} too")
    features = builder.info.features
    if not {"image", "label"} <= set(features) or not hasattr(features["label"], "names"):
        raise InputError(f"data.dataset: '{name}' has {', '.join(features)}; expected an image and a label of classes")
    return builder


def _open(builder: Any, name: str, split: str) -> Any:
    try:
        return builder.as_data_source(split)
    except (NotImplementedError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"data.dataset: '{name}' at {builder.data_dir} cannot be read ({reason}); "
            "expected it prepared in the array_record format"
        ) from error


def _decode(source: Any, shape: tuple[int | None, ...], resolution: int | None) -> Iterator[Split]:
    """All pictures of a source in order. Threads help with large ones: decoding them leaves Python's lock."""

    def chunk(start: int) -> Split:
        rows = source.__getitems__(list(range(start, min(start + _CHUNK, len(source)))))
        images = [resize_one(row["image"], resolution) if resolution else row["image"] for row in rows]
        if len({image.shape for image in images}) > 1:
            raise InputError("data: the pictures have many sizes; expected a resolution to resize them to")
        return Split(np.stack(images), np.array([row["label"] for row in rows], np.int32))

    height, width, _ = shape
    small = height is not None and width is not None and height * width <= _SMALL
    with ThreadPoolExecutor(max_workers=1 if small else os.cpu_count()) as pool:
        yield from pool.map(chunk, range(0, len(source), _CHUNK))


def _join(name: str, chunks: list[Split]) -> Split:
    if len({chunk.images.shape[1:] for chunk in chunks}) != 1:
        raise InputError(f"data: '{name}' has pictures of many sizes; expected a resolution to resize them to")
    return Split(np.concatenate([c.images for c in chunks]), np.concatenate([c.labels for c in chunks]))


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
