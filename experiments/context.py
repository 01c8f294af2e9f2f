"""What every stage of a run works with."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment
from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import Device, load_device
from nas.trace import trace
from nas.train import Dataset, Epoch, Recipe, Trained, at_resolution, load_dataset, train
from nas.train.data import with_pictures
from search_spaces import SearchSpace


@dataclass(frozen=True)
class Context:
    """The experiment, its folder, and what both need loaded: data, space, devices."""

    experiment: Experiment
    folder: RunFolder
    progress: RunProgress
    space: SearchSpace
    devices: tuple[Device, ...]
    dataset: Dataset
    sized: Callable[[int], Dataset]

    @classmethod
    def load(cls, experiment: Experiment, folder: RunFolder, progress: RunProgress) -> "Context":
        """Loads what the stages need; raises `InputError` for what does not fit together."""
        space = experiment.search_space()
        try:
            dataset = load_data(experiment, progress)
        except InputError as error:
            said = re.sub(r"^data(\.\w+)?: ", "", str(error))  # the key path stands before it, with its line
            raise InputError(f"{experiment.where('data', 'dataset')}: {said}") from error
        _require_pictures(experiment, dataset)
        _require_fit(experiment, space, dataset)
        devices = tuple(load_device(name) for name in experiment.search.limits)
        # Resolutions come and go in families; three at once serve a search and spare memory.
        sized = lru_cache(maxsize=3)(lambda resolution: at_resolution(dataset, resolution))
        return cls(experiment, folder, progress, space, devices, dataset, sized)

    @property
    def device(self) -> Device:
        """The device that tables and pictures show: the first with a limit."""
        return self.devices[0]

    def train(
        self,
        name: str,
        architecture: Architecture,
        recipe: Recipe,
        on_epoch: Callable[[Epoch], None] | None = None,
        pictures: int | None = None,
    ) -> Trained:
        """Trains from scratch, or from where an earlier start of the same training was stopped.

        `pictures` is the most to train on, all where it is None.
        """
        return train(
            architecture,
            with_pictures(self.sized(architecture.resolution), pictures, self.experiment.seed),
            recipe,
            seed=self.experiment.seed,
            checkpoints=self.folder.checkpoints(name),
            progress=on_epoch,
        )

    def path(self, name: str) -> Path:
        """A file of the run's folder."""
        return self.folder.path / name


def load_data(experiment: Experiment, progress: RunProgress | None = None) -> Dataset:
    """The experiment's pictures, of which `data.limit` leaves so many to train on."""
    data = experiment.data
    with progress.task("decode pictures", 0) if progress else nullcontext() as task:
        return load_dataset(
            data.dataset,
            data_dir=data.data_dir,
            seed=experiment.seed,
            validation=data.validation,
            test=data.test,
            limit=data.limit,
            progress=task.count if task else None,
        )


def _require_pictures(experiment: Experiment, dataset: Dataset) -> None:
    """Refuses a recipe whose batches are larger than what there is to train on."""
    count = len(dataset.train)
    fewest = min(count, experiment.search.pictures or count)
    recipes = (
        (experiment.search.recipe, fewest, ("search", "recipe")),
        (experiment.train, count, ("train",)),
        (experiment.scale.recipe, count, ("scale", "recipe")),
    )
    for recipe, most, path in recipes:
        if recipe.batch_size > most:
            where = experiment.where(*path, "batch_size")
            raise InputError(f"{where}: found {recipe.batch_size}; expected at most {most}, the pictures to train on")


def _require_fit(experiment: Experiment, space: SearchSpace, dataset: Dataset) -> None:
    """Refuses a space whose networks do not take the pictures or do not tell the classes apart.

    Looks at each alternative of the space once, beside the first of all other choices.
    """
    channels, classes = dataset.train.images.shape[-1], len(dataset.classes)
    where = experiment.where("space")
    for architecture in space.alternatives():
        if architecture.channels != channels:
            found = f"found an input of {architecture.channels} channels"
            raise InputError(f"{where}: {found}; expected the {channels} of {dataset.name}")
        out_shape = trace(architecture, space.origin).out_shape
        if out_shape != (classes,):
            found = f"found {out_shape[0]} outputs" if len(out_shape) == 1 else f"found an output of shape {out_shape}"
            raise InputError(f"{where}: {found}; expected {dataset.name}'s {classes} classes, as from 'head dense'")
