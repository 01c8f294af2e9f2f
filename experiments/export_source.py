"""What `nas export` exports: a trained network, a run's winner or another, or an architecture with fresh weights."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.architectures import is_folder, load_architecture
from experiments.data import as_needed, open_data, require_there
from experiments.imported import imported_pictures, is_imported
from experiments.rounding import CALIBRATION_PICTURES, kept_grid
from experiments.run_folder import EXPERIMENT, RunFolder
from experiments.schema import Experiment, load_experiment
from experiments.sections.data import Data
from experiments.stages.winner import CHECKPOINT, load_winner
from experiments.starting import checkpoints_in
from experiments.teaching import require_classes
from experiments.training import TRAINING, Training, is_training, load_training, settings
from nas.architecture import Architecture
from nas.errors import InputError, one_line
from nas.export.labels import labels_in
from nas.network import Network, initialise
from nas.rounding.grid import Grid
from nas.train import Dataset
from nas.train.checkpoint import load_trained
from nas.train.pictures import Pictures

CHECKPOINTS = "checkpoints"


class Moved(NamedTuple):
    """Where the pictures of a source are now; None for where they were."""

    dataset: str | None = None
    data_dir: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """What is said, as it is spelled, by its key."""
        said = {"dataset": ("--data", self.dataset), "data_dir": ("--data-dir", self.data_dir)}
        return {key: f"{option} {value}" for key, (option, value) in said.items() if value is not None}


THERE = Moved()


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


def find_source(source: str, calibrates: bool = True, moved: Moved = THERE) -> Source:
    """What `source` names: a run's folder, a training's, an import's, a checkpoint's, or an architecture.

    Without `calibrates` the pictures of an import, which serve nothing else, are left unread.
    Raises `InputError` where it is none of these, its pictures are not to be had, or pictures `moved` that it has not.
    """
    if not is_folder(source):
        _require_none(source, moved)
        return from_architecture(source)
    folder = Path(source)
    if is_imported(folder):
        return _from_import(folder, calibrates, moved)
    if is_training(folder):
        return _from_training(folder, moved)
    if (folder / EXPERIMENT).exists():
        return _from_run(folder, moved)
    return _from_checkpoint(folder, moved)


def require_pictures(source: str, found: Source) -> None:
    """Raises `InputError` where no pictures are known that the network, from `source`, could be calibrated by."""
    if not len(found.pictures):
        raise InputError(
            f"{source}: has no pictures to calibrate by; expected an import with --images, the folder of a training, "
            "or a format that needs none, such as `nas export --format float32`"
        )


def _require_none(source: str | Path, moved: Moved) -> None:
    for option in moved.options.values():
        raise InputError(f"{option}: {source} has no such pictures; expected the folder of a run or a training")


def _from_checkpoint(folder: Path, moved: Moved) -> Source:
    """A checkpoint by its own folder, with the pictures of the training or the run in whose folder it is."""
    inside = CHECKPOINTS in (folder.name, folder.absolute().parent.name)
    if not inside:
        raise InputError(f"{folder}: is no run's folder; expected one that `nas run` has made, or a checkpoint's")
    owner = owner_of(folder)
    kept = load_trained(folder)
    if owner is None:
        _require_none(folder, moved)
        side, channels = kept.architecture.resolution, kept.architecture.channels
        none = np.zeros((0, side, side, channels), np.uint8)
        return Source(kept.network, kept.architecture, none, CALIBRATION_PICTURES, 0, name=folder.name)
    data = _training_data if is_training(owner) else _run_data
    around = data(owner, kept.architecture, moved)
    return around._replace(network=kept.network, architecture=kept.architecture, name=folder.name)


def owner_of(folder: Path) -> Path | None:
    """The training's or the run's folder that a folder is, or whose checkpoint it is; None where it is neither."""
    place = folder.absolute()
    owners = [folder, *(inside.parent for inside in (place, place.parent) if inside.name == CHECKPOINTS)]
    return next((owner for owner in owners if is_training(owner) or (owner / EXPERIMENT).exists()), None)


def _from_run(folder: Path, moved: Moved) -> Source:
    architecture = load_architecture(str(folder)).architecture
    trained_winner = RunFolder(folder).result(CHECKPOINT)
    if trained_winner is None:
        raise InputError(f"{folder}: its winner is not trained yet; expected a run that got so far (`nas run` goes on)")
    if architecture.text != trained_winner.get("architecture"):
        raise InputError(
            f"{folder / 'winner.yaml'}: is not what was trained; expected the architecture as the run wrote it"
        )
    return _run_data(folder, architecture, moved)._replace(network=load_winner(RunFolder(folder)))


def _run_data(folder: Path, architecture: Architecture, moved: Moved) -> Source:
    """All but the network."""
    experiment = load_experiment(folder / EXPERIMENT)
    dataset = _opened(folder / EXPERIMENT, experiment, architecture, moved)
    pictures = as_needed(dataset, architecture.resolution).train.images
    count, seed, name = experiment.export.calibration_images, experiment.seed, f"{experiment.name}-winner"
    return Source(None, architecture, pictures, count, seed, dataset.classes, name, dataset=dataset)  # type: ignore[arg-type]


def _from_training(folder: Path, moved: Moved) -> Source:
    """The best epoch of a training by itself."""
    kept = load_trained(checkpoints_in(folder))
    return _training_data(folder, kept.architecture, moved)._replace(network=kept.network)


def _training_data(folder: Path, architecture: Architecture, moved: Moved) -> Source:
    """All but the network."""
    training = load_training(folder / TRAINING)
    dataset = _opened(folder / TRAINING, training, architecture, moved)
    pictures = as_needed(dataset, architecture.resolution).train.images
    count, seed, name, grid = CALIBRATION_PICTURES, training.seed, training.name, kept_grid(folder)
    return Source(None, architecture, pictures, count, seed, dataset.classes, name, dataset=dataset, grid=grid)  # type: ignore[arg-type]


def _opened(file: Path, kept: Training | Experiment, architecture: Architecture, moved: Moved) -> Dataset:
    """The pictures of settings that `file` keeps, or those that have moved, which are to be of the same classes."""
    said = {**kept.data.model_dump(mode="json"), **{key: getattr(moved, key) for key in moved.options}}
    places = {key: moved.options.get(key, str(file)) for key in said}
    data = settings({(key,): (places[key], value) for key, value in said.items()}, (), Data, str(file))
    if moved.dataset is None:
        require_there(data, file)
    try:
        dataset = open_data(data, kept.seed, channels=architecture.channels)
    except InputError as error:
        raise InputError(f"{places['dataset']}: {error}") from error
    require_classes(file.parent, architecture, dataset, places["dataset"])
    return dataset


def _from_import(folder: Path, calibrates: bool, moved: Moved) -> Source:
    """A network that was trained elsewhere, with the pictures that its import was given."""
    _require_none(folder, moved._replace(dataset=None))
    kept = load_trained(checkpoints_in(folder))
    count = CALIBRATION_PICTURES if calibrates else 0
    pictures = imported_pictures(folder, kept.architecture, count, moved.dataset)
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
    return Source(network, architecture, noise, len(noise), 0, name=one_line(name), trained=False)
