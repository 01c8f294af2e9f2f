"""A classifier in a .tflite file that was made elsewhere, beside the same network as one of ours."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.architectures import load_architecture
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.labels import NAME, read_labels
from nas.export.model import read
from nas.export.pixels import Reads
from nas.export.run import LiteModel
from nas.resizing import Images
from search_spaces.keras_weights import keras_architecture
from search_spaces.tflite_weights import Imported, import_tflite
from search_spaces.zoo import zoo_names

BACKGROUND = "background"  # the class that TensorFlow's models have before ImageNet's 1000

Outputs = NDArray[np.float32]


class Foreign(NamedTuple):
    """A network from elsewhere, as ours; and itself: pictures (N, H, W, C) of 0..255 to its outputs (N, classes)."""

    name: str
    imported: Imported
    predict: Callable[[Images], Outputs]
    probabilities: bool  # whether its outputs are, not logits
    exact: bool  # whether its weights are floats, so that ours must compute the same
    folded: bool  # whether batch norms are folded away in it, their statistics with them
    labels: Sequence[str]
    about: dict[str, Any]


def tflite_foreign(path: Path, arch: str, labels: Path | None, reads: tuple[float, float] | None) -> Foreign:
    """The network `arch` with the weights of a file; `labels` and `reads` are for what it does not say itself.

    Raises `InputError` where the file is another network, or the labels do not fit.
    """
    model, content = LiteModel(path, reads=reads), read(path)
    imported = _as_any(arch, lambda architecture: import_tflite(content, architecture, model.reads, str(path)))
    weights = [tensor for tensor in content.main.tensors if tensor.constant and len(tensor.shape) > 1]
    return Foreign(
        name=load_architecture(arch).name,
        imported=imported,
        predict=model.predict,
        probabilities=model.probabilities,
        exact=not any(tensor.scales for tensor in weights),
        folded=True,
        labels=_labels(path, model, labels),
        about={"input_range": _plain(model.reads), "stored_as": sorted({tensor.dtype for tensor in weights})},
    )


def _plain(reads: Reads) -> list[Any]:
    """Two numbers, or two lists where colours differ."""
    return [end.tolist() if len(end) > 1 else end.item() for end in reads]


def _as_any(arch: str, import_as: Callable[[Architecture], Imported]) -> Imported:
    """The import as the architecture, or as Keras' form of that network of the zoo, where there is another."""
    architecture = load_architecture(arch).architecture
    try:
        return import_as(architecture)
    except InputError as error:
        try:
            return import_as(_in_keras(arch))
        except InputError:
            raise error from None


def _in_keras(arch: str) -> Architecture:
    if arch not in zoo_names():
        raise InputError(f"{arch}: is not in the zoo")
    return keras_architecture(arch)


def _labels(path: Path, model: LiteModel, given: Path | None) -> Sequence[str]:
    """The classes' names; of lists that lack the background class, with it."""
    try:
        return read_labels(given, model.classes) if given else model.labels or ()
    except InputError as error:
        try:
            return [BACKGROUND, *read_labels(given or path.with_name(NAME), model.classes - 1)]
        except InputError:
            raise error from None
