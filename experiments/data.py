"""The pictures that a `data` section asks for."""

from contextlib import nullcontext
from dataclasses import replace

from experiments.progress import RunProgress
from experiments.sections.data import Data
from nas.train import Dataset, at_resolution, load_dataset


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
