"""The pictures that a `data` section asks for."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from experiments.progress import RunProgress
from experiments.sections.data import Data
from nas.errors import InputError
from nas.train import Dataset, at_resolution, load_dataset
from nas.train.loading import is_path


def open_data(data: Data, seed: int, progress: RunProgress | None = None, channels: int | None = None) -> Dataset:
    """The pictures, of which `data.limit` leaves so many to train on; `channels` counts where the section has none.

    Raises `InputError` where they cannot be used.
    """
    with progress.task("decode pictures", 0) if progress else nullcontext() as task:
        return load_dataset(
            data.dataset,
            data_dir=data.data_dir,
            seed=seed,
            validation=data.validation,
            test=data.test,
            splits=data.splits,
            limit=data.limit,
            channels=data.channels or channels,
            fit=data.resize,
            unreadable=data.unreadable,
            memory=data.memory,
            progress=task.count if task else None,
        )


def require_there(data: Data, file: Path) -> None:
    """Refuses a path, as the settings kept in `file` have it, at which there is nothing any more."""
    if is_path(data.dataset) and not Path(data.dataset).exists():
        raise InputError(
            f"{file}: data.dataset: {data.dataset} does not exist; expected --data with where the pictures are now"
        )


def sized(dataset: Dataset, resolution: int, progress: RunProgress | None = None) -> Dataset:
    """The pictures at a resolution; says what could not be decoded."""
    before = dataset.complaint
    with progress.task("resize pictures", 0) if progress else nullcontext() as task:
        resized = at_resolution(dataset, resolution, task.count if task else None)
    if progress and dataset.complaint != before:
        progress.say(f"{dataset.complaint}; they are left out")
    return resized


def as_needed(dataset: Dataset, resolution: int) -> Dataset:
    """The pictures at a resolution, each decoded or resized when it is asked for."""
    return at_resolution(replace(dataset, memory=0), resolution)
