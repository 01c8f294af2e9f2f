"""What `nas export` exports: a trained network, a run's winner or another, or an architecture with fresh weights."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.architectures import is_folder, load_architecture
from experiments.context import load_data
from experiments.data import as_needed, open_data
from experiments.imported import imported_pictures, is_imported
from experiments.rounding import CALIBRATION_PICTURES, kept_grid
from experiments.run_folder import EXPERIMENT, RunFolder
from experiments.schema import load_experiment
from experiments.stages.winner import CHECKPOINT, load_winner
from experiments.starting import checkpoints_in
from experiments.training import TRAINING, is_training, load_training
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.labels import labels_in
from nas.network import Network, initialise
from nas.rounding.grid import Grid
from nas.train import Dataset
from nas.train.checkpoint import load_trained
from nas.train.pictures import Pictures

CHECKPOINTS = "checkpoints"


class Source(NamedTuple):
    """A network to export, and pictures (N, H, W, C) of 0..255 like those it will see; none where none are known."""

    network: Network
    architecture: Architecture
    pictures: np.ndarray | Pictures
    calibration_images: int
    seed: int
    classes: tuple[str, ...] = ()  # their names, where they are known
    name: str = ""
    trained: bool = True
    dataset: Dataset | None = None  # what it was trained on, to train it further
    grid: Grid | None = None  # what it was trained to round to


def find_source(source: str, calibrates: bool = True) -> Source:
    """What `source` names: a run's folder, a training's, an import's, a checkpoint's, or an architecture.

    Without `calibrates` the pictures of an import, which serve nothing else, are left unread.
    Raises `InputError` where it is none of these.
    """
    if not is_folder(source):
        return from_architecture(source)
    folder = Path(source)
    if is_imported(folder):
        return _from_import(folder, calibrates)
    if is_training(folder):
        return _from_training(folder)
    if (folder / EXPERIMENT).exists():
        return _from_run(folder)
    return _from_checkpoint(folder)


def require_pictures(source: str, found: Source) -> None:
    """Raises `InputError` where no pictures are known that the network, from `source`, could be calibrated by."""
    if not len(found.pictures):
        raise InputError(
            f"{source}: has no pictures to calibrate by; expected an import with --images, the folder of a training, "
            "or a format that needs none, such as `nas export --format float32`"
        )


def _from_checkpoint(folder: Path) -> Source:
    """A checkpoint by its own folder, with the pictures of the training or the run in whose folder it is."""
    inside = CHECKPOINTS in (folder.name, folder.absolute().parent.name)
    if not inside:
        raise InputError(f"{folder}: is no run's folder; expected one that `nas run` has made, or a checkpoint's")
    owner = owner_of(folder)
    kept = load_trained(folder)
    if owner is None:
        side, channels = kept.architecture.resolution, kept.architecture.channels
        none = np.zeros((0, side, side, channels), np.uint8)
        return Source(kept.network, kept.architecture, none, CALIBRATION_PICTURES, 0, name=folder.name)
    around = _training_data(owner, kept.architecture) if is_training(owner) else _run_data(owner, kept.architecture)
    return around._replace(network=kept.network, architecture=kept.architecture, name=folder.name)


def owner_of(folder: Path) -> Path | None:
    """The training's or the run's folder that a folder is, or whose checkpoint it is; None where it is neither."""
    place = folder.absolute()
    owners = [folder, *(inside.parent for inside in (place, place.parent) if inside.name == CHECKPOINTS)]
    return next((owner for owner in owners if is_training(owner) or (owner / EXPERIMENT).exists()), None)


def _from_run(folder: Path) -> Source:
    architecture = load_architecture(str(folder)).architecture
    trained_winner = RunFolder(folder).result(CHECKPOINT)
    if trained_winner is None:
        raise InputError(f"{folder}: its winner is not trained yet; expected a run that got so far (`nas run` goes on)")
    if architecture.text != trained_winner.get("architecture"):
        raise InputError(
            f"{folder / 'winner.yaml'}: is not what was trained; expected the architecture as the run wrote it"
        )
    return _run_data(folder, architecture)._replace(network=load_winner(RunFolder(folder)))


def _run_data(folder: Path, architecture: Architecture) -> Source:
    """All but the network."""
    experiment = load_experiment(folder / EXPERIMENT)
    dataset = load_data(experiment)
    pictures = as_needed(dataset, architecture.resolution).train.images
    count, seed, name = experiment.export.calibration_images, experiment.seed, f"{experiment.name}-winner"
    return Source(None, architecture, pictures, count, seed, dataset.classes, name, dataset=dataset)  # type: ignore[arg-type]


def _from_training(folder: Path) -> Source:
    """The best epoch of a training by itself."""
    kept = load_trained(checkpoints_in(folder))
    return _training_data(folder, kept.architecture)._replace(network=kept.network)


def _training_data(folder: Path, architecture: Architecture) -> Source:
    """All but the network."""
    training = load_training(folder / TRAINING)
    dataset = open_data(training.data, training.seed, channels=architecture.channels)
    pictures = as_needed(dataset, architecture.resolution).train.images
    count, seed, name, grid = CALIBRATION_PICTURES, training.seed, training.name, kept_grid(folder)
    return Source(None, architecture, pictures, count, seed, dataset.classes, name, dataset=dataset, grid=grid)  # type: ignore[arg-type]


def _from_import(folder: Path, calibrates: bool) -> Source:
    """A network that was trained elsewhere, with the pictures that its import was given."""
    kept = load_trained(checkpoints_in(folder))
    pictures = imported_pictures(folder, kept.architecture, CALIBRATION_PICTURES if calibrates else 0)
    classes, name = labels_in(folder), load_architecture(str(folder)).name
    return Source(kept.network, kept.architecture, pictures, CALIBRATION_PICTURES, 0, classes, name)


def from_architecture(source: str) -> Source:
    """Fresh weights and noise: right for measuring a device, worthless for accuracy."""
    name, architecture, _ = load_architecture(source)
    print(f"nas export: {name} has no trained weights; exporting fresh ones", file=sys.stderr)
    return fresh(name, architecture)


def fresh(name: str, architecture: Architecture) -> Source:
    """A network of fresh weights, and noise for pictures."""
    shape = (16, architecture.resolution, architecture.resolution, architecture.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    network = initialise(architecture)
    network.eval()  # type: ignore[no-untyped-call]
    return Source(network, architecture, noise, len(noise), 0, name=name, trained=False)
