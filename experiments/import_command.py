"""Takes a network that was trained elsewhere into a folder of our own, and compares both on pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from experiments.agreement import Agreement, on_noise, on_pictures
from experiments.foreign import Foreign, tflite_foreign
from experiments.imported import decoded, new_folder, write_about, write_network
from experiments.keras_import import keras_foreign
from experiments.progress import RunProgress
from experiments.starting import is_keras
from nas.blocks.layers import BatchNorm
from nas.errors import InputError
from nas.picture_file import picture_files
from nas.trace import trace
from nas.train.checkpoint import load_trained
from search_spaces.tflite_weights.statistics import take_statistics

MOST_MEASURED = 512  # pictures that the statistics of batch norms are taken of
SAME = 0.01  # largest difference of outputs, as a share of the largest, of a file of floats


def import_network(
    source: str,
    out: Path,
    *,
    arch: str | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    reads: tuple[float, float] | None = None,
    weights: str = "imagenet",
) -> dict[str, Any]:
    """Imports `source`, a .tflite file or keras:NAME, into the folder `out`; what `nas import --json` prints.

    Raises `InputError` where it is not the network `arch`, or computes something else.
    """
    files = picture_files([images]) if images else []
    with new_folder(out) as folder, RunProgress(1) as progress:
        foreign = _foreign(source, arch, labels, reads, weights)
        measured = _take_statistics(foreign, files)
        write_network(folder, foreign.name, *foreign.imported)
        kept = load_trained(folder / "checkpoints").network
        noise = on_noise(foreign, kept)
        _require_same(source, foreign, noise)
        with progress.task("compare pictures", len(files)) as task:
            found = on_pictures(foreign, kept, files, task.update) if files else None
        about = {"source": source, **_about(foreign, found or noise, images), "statistics": measured}
        write_about(folder, about, foreign.labels)
    return {**about, "architecture": foreign.imported.architecture.text, "out": str(out)}


def _foreign(
    source: str, arch: str | None, labels: Path | None, reads: tuple[float, float] | None, weights: str
) -> Foreign:
    if is_keras(source):
        return keras_foreign(source, arch, weights)
    if arch is None:
        raise InputError(f"{source}: does not say which network it is; expected --arch, such as a name of `nas zoo`")
    return tflite_foreign(Path(source), arch, labels, reads)


def _take_statistics(foreign: Foreign, files: Sequence[Path]) -> int | None:
    """Of how many pictures the statistics of batch norms are; None where they came with the network, or it has none."""
    network, architecture = foreign.imported
    if not foreign.folded or not any(isinstance(module, BatchNorm) for _, module in nnx.iter_modules(network)):
        return None
    chosen = np.random.default_rng(0).permutation(len(files))[:MOST_MEASURED]
    chunks = decoded([files[index] for index in chosen], architecture.resolution, architecture.channels)
    pictures = [pixels for pixels, _ in chunks]
    return take_statistics(network, np.concatenate(pictures)) if pictures else 0


def _require_same(source: str, foreign: Foreign, noise: Agreement) -> None:
    """Refuses what has the same layers but other functions between them, as far as a few pictures can tell."""
    if foreign.exact and not noise.difference <= SAME:
        raise InputError(
            f"{source}: has weights that fit '{foreign.name}' but computes something else: outputs differ by "
            f"{noise.difference:.1%} on noise; expected the same activations, pools and range of input"
        )


def _about(foreign: Foreign, found: Agreement, images: Path | None) -> dict[str, Any]:
    architecture = foreign.imported.architecture
    return {
        **foreign.about,
        "name": foreign.name,
        "params": trace(architecture).params,
        "classes": architecture.classes,
        "labels": bool(foreign.labels),
        "pictures": str(images.absolute()) if images else None,
        "images": found.images if images else 0,
        "agreement": found.same / found.images if images else None,
        "difference": found.difference,
        "undecodable": list(found.undecodable),
    }
