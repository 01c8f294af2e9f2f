"""A training that starts from trained weights: which are taken over, and which stay as they are for a while."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import jax
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from nas.errors import InputError, unknown
from nas.network import Network
from nas.train.names import difference, listed, named, network_arrays
from nas.train.optimizer import learning_rates
from nas.train.recipe import Recipe

BACKBONE = "backbone"
SLOWER = 0.1  # what the learning rate is multiplied by once nothing is frozen: the usual tenth


@dataclass(frozen=True)
class Start:
    """Weights to start from, and the usual two phases: first the head by itself, then all of it, slower.

    `freeze` is `backbone` for all blocks before the classifier, the name of a part such as
    stage3 for it and what is before it, or "" for none; blocks stay frozen for
    `epochs` of the recipe's epochs.
    """

    source: str  # what messages call it
    arrays: Mapping[str, Any] = field(repr=False, compare=False)  # by their names in the network
    freeze: str = ""
    epochs: int = 0

    @property
    def about(self) -> str:
        """What tells one start from another: the weights themselves, wherever they lie."""
        digest = sha256()
        for name in sorted(self.arrays):
            digest.update(np.ascontiguousarray(self.arrays[name]).tobytes())
        return f"{digest.hexdigest()[:12]}, {self.freeze or 'nothing'} frozen for {self.epochs} epochs"


@dataclass(frozen=True)
class Taken:
    """What became of the weights: `fresh` are the network's arrays that found none of their shape."""

    taken: int
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        total = self.taken + len(self.fresh)
        return f"{self.taken} of {total} arrays taken over" + (f"; fresh: {listed(self.fresh)}" if self.fresh else "")


def take_over(network: Network, start: Start) -> Taken:
    """Copies the arrays whose names and shapes agree into the network.

    Raises `InputError` where none of its kernels do, saying which parameters differ.
    """
    mine = network_arrays(network)
    theirs = {name: np.asarray(array) for name, array in start.arrays.items()}
    agreed = {name for name in mine if name in theirs and theirs[name].shape == mine[name].shape}
    if not any(mine[name].ndim > 1 for name in agreed):
        shapes = ({name: array.shape for name, array in arrays.items()} for arrays in (theirs, mine))
        raise InputError(f"{start.source}: is of another architecture ({difference(*shapes)}); expected one like this")
    tree = nnx.to_pure_dict(nnx.state(network, (nnx.Param, nnx.BatchStat)))
    leaves, structure = jax.tree.flatten(tree)
    filled = [theirs[name] if name in agreed else leaf for name, leaf in zip(named(tree), leaves, strict=True)]
    nnx.update(network, jax.device_put(jax.tree.unflatten(structure, filled)))
    return Taken(len(agreed), tuple(name for name in mine if name not in agreed))


def frozen_blocks(network: Network, start: Start, taken: Taken) -> int:
    """How many blocks, the first, are frozen: none with fresh weights, and never the classifier.

    Raises `InputError` for a part that the network does not have.
    """
    if not start.freeze or not start.epochs:
        return 0
    parts = [name.split(".")[0] for name in network.names]
    with_weights = [
        index for index, (_, block) in enumerate(network.blocks()) if jax.tree.leaves(nnx.state(block, nnx.Param))
    ]
    if start.freeze == BACKBONE:
        wanted = with_weights[-1]
    elif start.freeze in parts:
        wanted = min(with_weights[-1], 1 + max(i for i, part in enumerate(parts) if part == start.freeze))
    else:
        raise InputError(f"--freeze: {unknown('part', start.freeze, dict.fromkeys((BACKBONE, *parts)))}")
    fresh = [i for i, name in enumerate(network.names) if any(array.startswith(f"{name}.") for array in taken.fresh)]
    return min([wanted, *fresh])


def phased_rates(recipe: Recipe, steps_per_epoch: int, first: int) -> NDArray[np.float32]:
    """The learning rate of every step where the `first` epochs are a phase of their own.

    Both phases have the recipe's warm-up and decay, each over its own epochs, the second
    at a tenth of the rate.
    """
    if not 0 < first < recipe.epochs:
        return learning_rates(recipe, steps_per_epoch)
    head, rest = (replace(recipe, epochs=epochs) for epochs in (first, recipe.epochs - first))
    phases = learning_rates(head, steps_per_epoch), SLOWER * learning_rates(rest, steps_per_epoch)
    return np.concatenate(phases).astype(np.float32)
