"""A network from elsewhere and ours with its weights, on the same pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.foreign import Foreign
from experiments.imported import decoded
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.predict import softmax
from nas.network import Network
from nas.resizing import Images
from nas.train.evaluate import logits

_PICTURES, _PATCHES = 4, 4  # of noise, and of colour a side


class Agreement(NamedTuple):
    """Pictures compared, how many had the same first class, the largest difference of outputs over the largest."""

    images: int = 0
    same: int = 0
    difference: float = 0.0
    undecodable: tuple[str, ...] = ()

    def __add__(self, other: "Agreement") -> "Agreement":  # type: ignore[override]
        """Of the pictures of both."""
        return Agreement(
            self.images + other.images,
            self.same + other.same,
            max(self.difference, other.difference),
            self.undecodable + other.undecodable,
        )


def on_noise(foreign: Foreign, network: Network) -> Agreement:
    """On a few pictures of large patches of colour."""
    return _compared(foreign, network, _noise(foreign.imported.architecture))


def on_pictures(
    foreign: Foreign, network: Network, files: Sequence[Path], progress: Callable[[int], None]
) -> Agreement:
    """On picture files, of which `progress` is told how many are done.

    Raises `InputError` where none can be decoded.
    """
    architecture = foreign.imported.architecture
    total = Agreement()
    for pictures, undecodable in decoded(files, architecture.resolution, architecture.channels):
        part = _compared(foreign, network, pictures) if len(pictures) else Agreement()
        total = total + part._replace(undecodable=tuple(undecodable))
        progress(total.images + len(total.undecodable))
    if not total.images:
        raise InputError(f"{total.undecodable[0]}: cannot be decoded; expected pictures such as PNG or JPEG")
    return total


def _compared(foreign: Foreign, network: Network, pictures: Images) -> Agreement:
    theirs, ours = foreign.predict(pictures), logits(network, pictures)
    if foreign.probabilities:
        ours = softmax(ours)
    same = int((theirs.argmax(1) == ours.argmax(1)).sum())
    return Agreement(len(pictures), same, float(np.abs(theirs - ours).max() / (np.abs(theirs).max() or 1)))


def _noise(architecture: Architecture) -> Images:
    side = architecture.resolution
    shape = (_PICTURES, _PATCHES, _PATCHES, architecture.channels)
    small = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    places = np.arange(side) * _PATCHES // side
    return small[:, places][:, :, places]
