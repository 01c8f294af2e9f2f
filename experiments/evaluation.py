"""A trained network's evaluation, as a file beside its checkpoints."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.run_folder import RunFolder
from nas.files import write_text
from nas.network import Network
from nas.rounding.grid import Grid
from nas.train import Split, logits
from nas.train.evaluation import evaluate
from nas.train.hosts import is_first

FILE = "evaluation.json"


def write_evaluation(
    folder: Path, network: Network, split: Split, classes: tuple[str, ...], grid: Grid | None = None
) -> dict[str, Any]:
    """Evaluates a network on the pictures of a split and writes evaluation.json; returns what is in it.

    With a grid as the network computes when rounded to it.
    Of several hosts each evaluates, and the first writes.
    """
    found = asdict(evaluate(logits(network, split.images, grid), split.labels, classes))
    if is_first():
        _write(folder, found)
    return found


def restore_evaluations(run: RunFolder) -> None:
    """Writes again what is gone of the evaluations beside a run's checkpoints, from the results that it has kept."""
    for step in (run.path / "steps").glob("*.json"):
        folder, found = run.checkpoints(step.stem), (run.result(step.stem) or {}).get("evaluation")
        if found and folder.is_dir() and not (folder / FILE).exists():
            _write(folder, found)


def _write(folder: Path, found: dict[str, Any]) -> None:
    write_text(folder / FILE, json.dumps(found, allow_nan=False) + "\n")
