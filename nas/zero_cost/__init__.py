"""Scores of networks that nobody has trained: larger is taken for more accurate.

Each is computed block by block: a distinct block is compiled once, for all networks of a process.
Parameters and multiply-accumulates are the baselines that any score has to beat.
"""

from collections.abc import Callable, Iterable
from typing import Any

from nas.architecture import Architecture
from nas.trace import trace
from nas.zero_cost.gradient_norm import gradient_norm
from nas.zero_cost.naswot import naswot
from nas.zero_cost.synflow import synflow

__all__ = ["SCORES", "gradient_norm", "naswot", "scores", "synflow"]

Score = Callable[[Architecture, Any, Any, int], float]
"""Of an architecture, pictures (B, H, W, C) float32 in -1..1, their classes (B,) int, and a seed for its weights."""

SCORES: dict[str, Score] = {
    "params": lambda architecture, _images, _labels, _seed: float(trace(architecture).params),
    "macs": lambda architecture, _images, _labels, _seed: float(trace(architecture).macs),
    "naswot": lambda architecture, images, _labels, seed: naswot(architecture, images, seed),
    "synflow": lambda architecture, _images, _labels, seed: synflow(architecture, seed),
    "gradient_norm": gradient_norm,
}


def scores(
    architecture: Architecture, images: Any, labels: Any, seed: int = 0, names: Iterable[str] = tuple(SCORES)
) -> dict[str, float]:
    """The named scores: of pictures (B, H, W, C) float32 in -1..1 with classes (B,) int; weights are drawn from `seed`.

    One may be infinite or no number where the network's own numbers are.
    """
    return {name: SCORES[name](architecture, images, labels, seed) for name in names}
