"""Exports a trained network, a run's winner or another, or any architecture with fresh weights."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.architectures import is_folder, load_architecture
from experiments.context import load_data
from experiments.data import as_needed, open_data
from experiments.run_folder import EXPERIMENT, RunFolder
from experiments.schema import load_experiment
from experiments.stages.export import calibration_pictures
from experiments.stages.winner import CHECKPOINT
from experiments.starting import checkpoints_in
from experiments.training import TRAINING, is_training, load_training
from nas.errors import InputError
from nas.export.edgetpu import EdgeTpuVerdict, check
from nas.export.labels import NAME as LABELS
from nas.export.tflite import convert
from nas.files import write_bytes, write_text
from nas.network import Network, initialise
from nas.train.checkpoint import load_trained
from nas.train.pictures import Pictures

CALIBRATION_PICTURES = 200


class Source(NamedTuple):
    """A network to export, and pictures (N, H, W, C) of 0..255 like those it will see."""

    network: Network
    pictures: np.ndarray | Pictures
    calibration_images: int
    seed: int
    classes: tuple[str, ...] = ()  # their names, where they are known


def export_model(source: str, format: str, out: Path) -> EdgeTpuVerdict:
    """Writes `source` to `out` as TFLite and says what the Edge TPU would take of it.

    Raises `InputError` for a source that is neither a finished run nor an architecture,
    and for a file that cannot be written.
    """
    if is_folder(str(out)):
        raise InputError(f"{out}: is a folder; expected a file to write, such as {out / 'model.tflite'}")
    _require_place(out)
    chosen = _source(source)
    calibration = calibration_pictures(chosen.pictures, chosen.calibration_images, chosen.seed)
    model = convert(chosen.network, (1, *chosen.pictures.shape[1:]), format, calibration if format == "int8" else None)
    write_bytes(out, model)
    _write_labels(out, chosen.classes)
    return check(out)


def _source(source: str) -> Source:
    if not is_folder(source):
        return _from_architecture(source)
    return _from_training(Path(source)) if is_training(Path(source)) else _from_run(Path(source))


def _write_labels(out: Path, classes: tuple[str, ...]) -> None:
    """The classes' names beside the model, where `nas predict` looks for them; other names there are kept."""
    file, text = out.with_name(LABELS), "".join(f"{name}\n" for name in classes)
    if not classes or (file.exists() and file.read_text(encoding="utf-8", errors="replace") == text):
        return
    if file.exists():
        print(f"nas export: {file} has other names and is left as it is", file=sys.stderr)
        return
    write_text(file, text)


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
    network = load_trained(folder.absolute() / "checkpoints" / CHECKPOINT, best=False).network
    dataset = as_needed(load_data(experiment), architecture.resolution)
    count = experiment.export.calibration_images
    return Source(network, dataset.train.images, count, experiment.seed, dataset.classes)


def _from_training(folder: Path) -> Source:
    """The best epoch of a training by itself."""
    training = load_training(folder / TRAINING)
    kept = load_trained(checkpoints_in(folder))
    dataset = open_data(training.data, training.seed, channels=kept.architecture.channels)
    pictures = as_needed(dataset, kept.architecture.resolution).train.images
    return Source(kept.network, pictures, CALIBRATION_PICTURES, training.seed, dataset.classes)


def _from_architecture(source: str) -> Source:
    """Fresh weights and noise: right for measuring a device, worthless for accuracy."""
    name, architecture, _ = load_architecture(source)
    print(f"nas export: {name} has no trained weights; exporting fresh ones", file=sys.stderr)
    shape = (16, architecture.resolution, architecture.resolution, architecture.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    network = initialise(architecture)
    network.eval()  # type: ignore[no-untyped-call]
    return Source(network, noise, len(noise), 0)
