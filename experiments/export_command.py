"""Exports a run's trained winner, or any architecture with fresh weights."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.architectures import is_folder, load_architecture
from experiments.context import load_data
from experiments.run_folder import EXPERIMENT, RunFolder
from experiments.schema import load_experiment
from experiments.stages.export import calibration_pictures
from experiments.stages.winner import CHECKPOINT
from nas.errors import InputError
from nas.export.edgetpu import EdgeTpuVerdict, check
from nas.export.tflite import convert
from nas.files import write_bytes
from nas.network import Network, initialise
from nas.train import at_resolution, train


class Source(NamedTuple):
    """A network to export, and pictures (N, H, W, C) of 0..255 like those it will see."""

    network: Network
    pictures: np.ndarray
    calibration_images: int
    seed: int


def export_model(source: str, format: str, out: Path) -> EdgeTpuVerdict:
    """Writes `source` to `out` as TFLite and says what the Edge TPU would take of it.

    Raises `InputError` for a source that is neither a finished run nor an architecture,
    and for a file that cannot be written.
    """
    if is_folder(str(out)):
        raise InputError(f"{out}: is a folder; expected a file to write, such as {out / 'model.tflite'}")
    _require_place(out)
    chosen = _from_run(Path(source)) if is_folder(source) else _from_architecture(source)
    calibration = calibration_pictures(chosen.pictures, chosen.calibration_images, chosen.seed)
    model = convert(chosen.network, (1, *chosen.pictures.shape[1:]), format, calibration if format == "int8" else None)
    write_bytes(out, model)
    return check(out)


def _require_place(out: Path) -> None:
    """Finds out before the work, which may take minutes, whether its result can be written."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(out.parent, os.W_OK) else "Permission denied"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise InputError(f"{out}: cannot be written ({reason}); expected a place to write to")


def _from_run(folder: Path) -> Source:
    if not (folder / EXPERIMENT).exists():
        raise InputError(f"{folder}: is no run's folder; expected one that `nas run` has made")
    experiment = load_experiment(folder / EXPERIMENT)
    architecture = load_architecture(str(folder)).architecture
    trained_winner = RunFolder(folder).result(CHECKPOINT)
    if trained_winner is None:
        raise InputError(f"{folder}: its winner is not trained yet; expected a run that got so far (`nas run` goes on)")
    if architecture.text != trained_winner.get("architecture"):
        raise InputError(
            f"{folder / 'winner.yaml'}: is not what was trained; expected the architecture as the run wrote it"
        )
    checkpoints = folder.absolute() / "checkpoints" / CHECKPOINT
    if not checkpoints.is_dir():
        raise InputError(f"{checkpoints}: does not exist; expected the checkpoint of the trained winner")
    dataset = at_resolution(load_data(experiment), architecture.resolution)
    # A training that has ended is taken from its checkpoint.
    trained = train(architecture, dataset, experiment.train, seed=experiment.seed, checkpoints=checkpoints)
    return Source(trained.network, dataset.train.images, experiment.export.calibration_images, experiment.seed)


def _from_architecture(source: str) -> Source:
    """Fresh weights and noise: right for measuring a device, worthless for accuracy."""
    name, architecture, _ = load_architecture(source)
    print(f"nas export: {name} has no trained weights; exporting fresh ones", file=sys.stderr)
    shape = (16, architecture.resolution, architecture.resolution, architecture.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    network = initialise(architecture)
    network.eval()  # type: ignore[no-untyped-call]
    return Source(network, noise, len(noise), 0)
