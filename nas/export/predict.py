"""Picture files to class names with probabilities."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.labels import read_labels
from nas.export.run import LiteModel
from nas.picture_file import Undecodable, picture_files, read_picture
from nas.resizing import Fit, Images

_CHANNELS = (1, 3)
_CHUNK = 64  # pictures that are decoded at a time


@dataclass(frozen=True)
class Guess:
    """One class that a picture may show: its name, its number, and a probability in 0..1."""

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one picture, likeliest first."""

    image: str
    top: tuple[Guess, ...]


@dataclass(frozen=True)
class Predictions:
    """Of all pictures in order; the reason by name for those that cannot be decoded; how long it took, decoding too."""

    pictures: tuple[Prediction, ...]
    undecodable: dict[str, str]
    seconds: float

    @property
    def pictures_per_second(self) -> float:
        """How many pictures were classified each second."""
        return len(self.pictures) / self.seconds


def predict_pictures(
    model: LiteModel,
    paths: Sequence[Path | str],
    labels: Path | str | Sequence[str] | None = None,
    top: int = 5,
    fit: Fit = "crop",
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Classifies picture files, and those in folders.

    Each is read as training and evaluation read it: turned upright, given the model's
    channels, and brought to its input's size as `fit` says. `labels` is a file of class
    names or the names; without it those in the model or beside it are taken, and without
    them the classes are called by their numbers. `progress` is told how many of how many are done.

    Raises `InputError` for labels that do not fit, where no picture can be decoded, and
    where the model's outputs are no numbers.
    """
    if top < 1:
        raise InputError(f"top is {top}; expected 1 or more classes a picture")
    if model.size[-1] not in _CHANNELS:
        raise InputError(
            f"the model takes {model.size[-1]} channels; expected 1 (grey) or 3 (colour) to show it pictures"
        )
    names, files = _names(model, labels), picture_files([Path(path) for path in paths])
    predictions, undecodable, begin = [], {}, time.perf_counter()
    for done, (file, pixels) in enumerate(_decoded(files, model, fit), start=1):
        if isinstance(pixels, Undecodable):
            undecodable[str(file)] = str(pixels)
        else:
            predictions.append(Prediction(str(file), _guesses(model, pixels, names, top)))
        if progress is not None:
            progress(done, len(files))
    _require_some(predictions, undecodable)
    return Predictions(tuple(predictions), undecodable, time.perf_counter() - begin)


def _decoded(files: Sequence[Path], model: LiteModel, fit: Fit) -> Iterator[tuple[Path, Images | Undecodable]]:
    """Each file with its picture (H, W, C) as the model takes it, or why there is none; a chunk at a time in memory."""
    height, width, channels = model.size

    def read(file: Path) -> Images | Undecodable:
        try:
            return read_picture(file, (height, width), channels, fit)
        except Undecodable as error:
            return error

    with ThreadPoolExecutor() as pool:  # decoders leave Python's lock
        for start in range(0, len(files), _CHUNK):
            chunk = files[start : start + _CHUNK]
            yield from zip(chunk, pool.map(read, chunk), strict=True)


def _guesses(model: LiteModel, pixels: Images, names: Sequence[str], top: int) -> tuple[Guess, ...]:
    outputs = model.predict(pixels[None])[0]
    if not np.isfinite(outputs).all():
        raise InputError(f"{model.path}: has outputs that are no numbers; expected a model with finite weights")
    chances = outputs if model.probabilities else softmax(outputs)
    likeliest = np.argsort(-chances, kind="stable")[:top].tolist()
    return tuple(Guess(names[index], index, float(chances[index])) for index in likeliest)


def _require_some(predictions: Sequence[Prediction], undecodable: dict[str, str]) -> None:
    if predictions:
        return
    name, reason = next(iter(undecodable.items()))
    more = f", and as little any of {len(undecodable) - 1} more" if len(undecodable) > 1 else ""
    raise InputError(f"{name}: cannot be decoded ({reason}){more}; expected a picture such as PNG or JPEG")


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (..., classes) of logits (..., classes)."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    result: NDArray[np.float32] = powers / powers.sum(-1, keepdims=True)
    return result


def _names(model: LiteModel, labels: Path | str | Sequence[str] | None) -> Sequence[str]:
    if isinstance(labels, Path | str):
        return read_labels(labels, model.classes)
    if labels is not None and len(labels) != model.classes:
        raise InputError(f"there are {len(labels)} labels; {model.path} has {model.classes} outputs, expected as many")
    return labels or model.labels or [str(number) for number in range(model.classes)]
