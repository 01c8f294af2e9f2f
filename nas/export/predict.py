"""Picture files to class names with probabilities."""

import struct
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nas.errors import InputError
from nas.export.labels import read_labels
from nas.export.run import LiteModel

_MODES = {1: "L", 3: "RGB"}
_DEEP = ("I", "F")  # Pillow's modes of more than 8 bits a channel begin so


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


def predict_pictures(
    model: LiteModel,
    image_paths: Iterable[Path | str],
    labels: Path | str | Sequence[str] | None = None,
    top: int = 5,
) -> list[Prediction]:
    """Classifies picture files.

    Each is turned upright, converted to the model's channels and resized to its input.
    `labels` is a file of class names or the names; without it labels.txt beside the
    model is taken, and without that the classes are called by their numbers.

    Raises `InputError` for a file that is no picture and for labels that do not fit.
    """
    if top < 1:
        raise InputError(f"top is {top}; expected 1 or more classes a picture")
    names = _names(model, labels)
    predictions = []
    for path in image_paths:
        outputs = model.predict(read_picture(path, *model.size)[None])[0]
        chances = outputs if model.probabilities else softmax(outputs)
        likeliest = np.argsort(-chances, kind="stable")[:top].tolist()
        guesses = tuple(Guess(names[index], index, float(chances[index])) for index in likeliest)
        predictions.append(Prediction(str(path), guesses))
    return predictions


def read_picture(path: Path | str, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """The picture in a file, upright, as (height, width, channels) of 0..255.

    Raises `InputError` where the file is no picture of 8 bits a channel, is cut short, or
    is so large that decoding it would fill the memory.
    """
    if channels not in _MODES:
        raise InputError(f"the model takes {channels} channels; expected 1 (grey) or 3 (colour) to show it pictures")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.mode.startswith(_DEEP):
                    raise InputError(f"{path}: has more than 8 bits a channel ({image.mode}); expected 8")
                upright = ImageOps.exif_transpose(image).convert(_MODES[channels])
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: has more pixels than are decoded safely; expected a smaller picture") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        reason = getattr(error, "strerror", None)  # of files; decoders give none
        found = f"cannot be read ({reason})" if reason else "is no whole picture"
        raise InputError(f"{path}: {found}; expected a picture such as PNG or JPEG") from error
    pixels = np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))
    return pixels.reshape(height, width, channels)


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
