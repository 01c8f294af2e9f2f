"""What every stage of a run works with."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from experiments.data import open_data, sized
from experiments.devices import open_devices
from experiments.limits import of_quantities
from experiments.members import trains_members
from experiments.objectives import make_objectives, spelled
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment
from experiments.stages.start import load_starts
from experiments.strategies import require_able_sampler
from experiments.teaching import load_teacher
from nas.architecture import Architecture
from nas.blocks.normalise import require_colours
from nas.errors import InputError
from nas.latency import Device
from nas.search.facts import Limits
from nas.search.objectives import Objective
from nas.trace import trace
from nas.train import Dataset, Epoch, Recipe, Trained, train
from nas.train.allocation import keep_freed_memory
from nas.train.data import with_pictures
from nas.train.distillation import Teacher
from nas.train.transfer import Start
from search_spaces import SearchSpace


@dataclass(frozen=True)
class Context:
    """The experiment, its folder, and what both need loaded: data, space, devices."""

    experiment: Experiment
    folder: RunFolder
    progress: RunProgress
    space: SearchSpace
    devices: tuple[Device, ...]
    bounds: Limits
    objectives: tuple[Objective, ...]
    dataset: Dataset
    sized: Callable[[int], Dataset]

    @classmethod
    def load(cls, experiment: Experiment, folder: RunFolder, progress: RunProgress) -> "Context":
        """Loads what the stages need; raises `InputError` for what does not fit together."""
        keep_freed_memory()
        space = experiment.search_space()
        require_able_sampler(experiment, space)
        load_starts(experiment, space)
        try:
            dataset = load_data(experiment, progress)
        except InputError as error:
            said = re.sub(r"^data(\.\w+)?: ", "", str(error))  # the key path stands before it, with its line
            raise InputError(f"{experiment.where('data', 'dataset')}: {said}") from error
        _require_pictures(experiment, space, dataset)
        _require_fit(experiment, space, dataset)
        asked = open_devices(experiment, folder.path, progress.say)
        # Resolutions come and go in families; three at once serve a search and spare memory.
        at = lru_cache(maxsize=3)(lambda resolution: sized(dataset, resolution, progress))
        devices = tuple(one.device for one in asked)
        milliseconds = {one.device.name: one.milliseconds for one in asked if one.milliseconds is not None}
        bounds = Limits(devices, milliseconds, of_quantities(experiment.search.limits))
        objectives = _objectives(experiment, {one.source: one.device.name for one in asked}, bounds)
        return cls(experiment, folder, progress, space, devices, bounds, objectives, dataset, at)

    @property
    def device(self) -> Device:
        """The device that tables and pictures show: the first with a limit."""
        return self.devices[0]

    @property
    def limits(self) -> Mapping[str, float]:
        """Milliseconds by the name of each device that has a limit."""
        return self.bounds.milliseconds

    @property
    def chosen(self) -> str:
        """The name of the objective by which the winner is taken from a front."""
        spelled_as = [spelled(spec) for spec in self.experiment.search.objectives]
        choose = self.experiment.search.choose
        return self.objectives[spelled_as.index(choose) if choose else 0].name

    @property
    def evidence(self) -> dict[str, str]:
        """What each device's milliseconds are, by its name, `device` first."""
        return {device.name: device.evidence for device in self.devices}

    @cached_property
    def teacher(self) -> Teacher | None:
        """What the winner learns from beside its labels. Raises `InputError` where it cannot be had."""
        teaching, where = self.experiment.train.teacher, self.experiment.where("train", "teacher", "network")
        return load_teacher(teaching, self.dataset, where) if teaching else None

    def train(
        self,
        name: str,
        architecture: Architecture,
        recipe: Recipe,
        on_epoch: Callable[[Epoch], None] | None = None,
        pictures: int | None = None,
        start: Start | None = None,
        teacher: Teacher | None = None,
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
            start=start,
            teacher=teacher,
        )

    def path(self, name: str) -> Path:
        """A file of the run's folder."""
        return self.folder.path / name


def _objectives(experiment: Experiment, names: Mapping[str, str], bounds: Limits) -> tuple[Objective, ...]:
    try:
        return make_objectives(experiment.search.objectives, names, bounds.most)
    except InputError as error:
        raise InputError(f"{experiment.where('search', 'objectives')}: {error}") from error


def load_data(experiment: Experiment, progress: RunProgress | None = None) -> Dataset:
    """The experiment's pictures, of which `data.limit` leaves so many to train on."""
    return open_data(experiment.data, experiment.seed, progress)


def _require_pictures(experiment: Experiment, space: SearchSpace, dataset: Dataset) -> None:
    """Refuses the recipe of a training whose batches are larger than what there is to train on."""
    count = len(dataset.train)
    fewest = min(count, experiment.search.pictures or count)
    recipes = (
        (experiment.search.recipe, fewest, ("search", "recipe")),
        (experiment.train, count, ("train",)),
        (experiment.scale.recipe, count, ("scale", "recipe")),
    )
    for recipe, most, path in recipes:
        if recipe.batch_size > most and (path[0] != "scale" or trains_members(experiment, space)):
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
        if experiment.data.normalise:
            require_colours(architecture, experiment.where("data", "normalise"))
        out_shape = trace(architecture, space.origin).out_shape
        if out_shape != (classes,):
            found = f"found {out_shape[0]} outputs" if len(out_shape) == 1 else f"found an output of shape {out_shape}"
            raise InputError(f"{where}: {found}; expected {dataset.name}'s {classes} classes, as from 'head dense'")
