"""What a network says of pictures, and how often it is right."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.network import Network
from nas.resizing import Images
from nas.rounding.grid import Grid
from nas.rounding.network import roundings
from nas.train.compiled import EVALUATION_BATCH, use_cache_on_disk
from nas.train.data import Split
from nas.train.pictures import Pictures
from nas.train.step import Chain


def logits(network: Network, images: Images | Pictures, grid: Grid | None = None) -> NDArray[np.float32]:
    """The network's outputs in evaluation, (N, classes), for pictures (N, H, W, C) uint8.

    With a grid as an int8 file that has it computes them. Raises `InputError` where it is of another network.
    """
    use_cache_on_disk()
    network.eval()  # type: ignore[no-untyped-call]
    chain = Chain.of(network, rounding=roundings(network, images.shape[1:], grid) if grid else ())
    weights, statistics = chain.vectors(network)
    return in_batches(lambda batch: chain.predict(weights, statistics, batch), images)


def accuracy(network: Network, split: Split) -> float:
    """The share (0 to 1) of a split's pictures whose class has the network's largest output."""
    return share_right(logits(network, split.images), split)


def share_right(outputs: NDArray[np.float32], split: Split) -> float:
    """The share (0 to 1) of a split's pictures whose class has the largest of outputs (N, classes)."""
    return float(np.mean(np.argmax(outputs, axis=-1) == split.labels))


def in_batches(predict: Callable[[Images], Any], images: Images | Pictures) -> NDArray[np.float32]:
    """Outputs (N, classes) for any number of pictures, computed in batches of one size, the last one filled up."""
    outputs = []
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = images[start : start + EVALUATION_BATCH]
        missing = EVALUATION_BATCH - len(batch)
        full = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
        outputs.append(np.asarray(predict(full))[: len(batch)])
    return np.concatenate(outputs)
