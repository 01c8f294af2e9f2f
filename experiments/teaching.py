"""The network that a training learns from, read from its checkpoint."""

from pathlib import Path

from experiments.sections.train import Teaching
from experiments.starting import checkpoints_in
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.labels import labels_in
from nas.train import Dataset
from nas.train.checkpoint import load_trained
from nas.train.distillation import Teacher


def load_teacher(teaching: Teaching, dataset: Dataset, where: str) -> Teacher:
    """The best epoch of the training that is named, for pictures and classes of the data set.

    Pictures are made its size. Raises `InputError`, which begins with `where`, where there is
    no such checkpoint, or it is of pictures or classes of another kind.
    """
    folder = Path(teaching.network)
    if not folder.is_dir():
        raise InputError(f"{where}: {folder} does not exist; expected a checkpoint, or the folder of a run or training")
    try:
        kept = load_trained(checkpoints_in(folder))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    found, channels = kept.architecture, dataset.channels
    if found.channels != channels:
        said = f"{folder} reads pictures of {found.channels} channels"
        raise InputError(f"{where}: {said}; expected the {channels} of {dataset.name}")
    require_classes(folder, found, dataset, where)
    return Teacher(kept.network, found.resolution, teaching.weight, teaching.temperature)


def require_classes(folder: Path, architecture: Architecture, dataset: Dataset, where: str) -> None:
    """Refuses a network of another number of classes than the data, or of other names where its folder says them.

    Raises `InputError`, which begins with `where`.
    """
    classes = dataset.classes
    if architecture.classes != len(classes):
        said = f"{folder} tells {architecture.classes} classes apart"
        raise InputError(f"{where}: {said}; expected the {len(classes)} of {dataset.name}")
    for number, (one, other) in enumerate(zip(labels_in(folder), classes, strict=False)):
        if one != other:
            raise InputError(f"{where}: {folder} has '{one}' for class {number}; expected '{other}', as in the data")
