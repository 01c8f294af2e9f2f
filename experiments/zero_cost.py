"""The zero-cost scores that a search's steps may filter by, on the experiment's own pictures."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.context import Context
    from nas.architecture import Architecture

NAMES = ("params", "macs", "naswot", "synflow", "gradient_norm")
PICTURES = 32  # of the training split, the same for every network; codes of more hardly rank differently


def zero_cost_names() -> Iterable[str]:
    """The names of the scores."""
    return NAMES


def zero_cost_score(context: "Context", name: str) -> "Callable[[Architecture], float]":
    """The named score of an architecture; blocks that an earlier run has compiled are found on disk."""
    import numpy as np

    from nas.train.compiled import use_cache_on_disk
    from nas.zero_cost import SCORES

    use_cache_on_disk()
    seed = context.experiment.seed

    def score(architecture: "Architecture") -> float:
        train = context.sized(architecture.resolution).train  # without what cannot be decoded, at any resolution
        split = train.take(np.random.default_rng(seed).permutation(len(train))[:PICTURES])
        images = np.asarray(split.images[:], np.float32) / 127.5 - 1
        return SCORES[name](architecture, images, split.labels, seed)

    return score
