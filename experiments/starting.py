"""The weights that `nas train --init` starts from."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.data import as_needed
from nas.architecture import Architecture
from nas.blocks.normalise import preparation
from nas.errors import InputError
from nas.train import Dataset
from nas.train.checkpoint import load_trained
from nas.train.names import network_arrays

KERAS = "keras"
SHOWN = 16  # pictures that a network is grown by


class Weights(NamedTuple):
    """Arrays by their names, and the architecture that they are of."""

    arrays: dict[str, Any]
    architecture: Architecture


def is_keras(init: str) -> bool:
    """Whether weights of Keras are asked for, as keras or keras:MobileNetV2."""
    return init.partition(":")[0] == KERAS


def keras_network(init: str, name: str) -> str:
    """The zoo's name of the network that `init` asks for, where the architecture is called `name`.

    Raises `InputError` where Keras has no weights for it.
    """
    from search_spaces.keras_weights.published import PUBLISHED, published

    model = init.partition(":")[2]
    for network, about in PUBLISHED.items():
        if about.model == model:
            return network
    published(model or name)
    return model or name


def load_weights(init: str, name: str) -> Weights:
    """The weights that `init` names: a checkpoint's folder, a run's, a training's, or Keras'.

    Raises `InputError` where there are none.
    """
    if is_keras(init):
        from search_spaces.keras_weights.published import import_published, prepared_architecture

        network = keras_network(init, name)
        return Weights(network_arrays(import_published(network)), prepared_architecture(network))
    kept = load_trained(checkpoints_in(Path(init)))
    return Weights(network_arrays(kept.network), kept.architecture)


def some_pictures(dataset: Dataset, resolution: int) -> np.ndarray[Any, Any]:
    """The first few pictures to train on at a resolution, as networks see them: (B, H, W, C) in -1..1."""
    count = min(SHOWN, len(dataset.train))
    images, _ = next(as_needed(dataset, resolution).train.batches(np.arange(count)[None]))
    return np.asarray(images, np.float32) / 127.5 - 1


def checkpoints_in(folder: Path) -> Path:
    """The folder of checkpoints in a run's or a training's folder, or that folder itself."""
    if not folder.is_dir():
        raise InputError(f"{folder}: does not exist; expected a checkpoint, the folder of a run or training, or keras")
    candidates = (folder / "checkpoints" / "winner", folder / "checkpoints")
    return next((found for found in candidates if found.is_dir()), folder)


def prepared_as(architecture: Architecture, other: Architecture) -> Architecture:
    """The architecture with its input prepared as another's is, unless it says itself how."""
    if preparation(architecture):
        return architecture
    layers = (*preparation(other), *architecture.layers)
    return Architecture(architecture.resolution, architecture.channels, layers)
