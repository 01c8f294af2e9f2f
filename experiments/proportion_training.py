"""Who trains the networks of a search for proportions: this process, or processes beside it."""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from experiments.data import open_data, sized
from experiments.progress import RunProgress
from experiments.proportion_settings import ProportionSearch
from nas.architecture import Architecture
from nas.search.in_process import InProcess, Train
from nas.search.trainer import Ended, Judge, Trainer
from nas.search.workers.crew import Crew
from nas.search.workers.local import LocalProcesses
from nas.train import Dataset, Epoch, TrainingFailed, train
from nas.train.allocation import keep_freed_memory
from nas.train.data import with_pictures

LOGS = "workers"  # the folder of what workers print


class Trainings:
    """Trains members in the folder of a search, each from where an earlier start of it was stopped."""

    def __init__(self, settings: ProportionSearch, folder: Path, dataset: Dataset, progress: RunProgress):
        self.settings, self.folder, self.progress = settings, folder.absolute(), progress
        self.sized = lru_cache(maxsize=2)(lambda resolution: sized(dataset, resolution, progress))

    def __call__(self, number: int, architecture: Architecture, judge: Judge) -> Ended:
        """One training."""
        try:
            with self.progress.task(f"network {number} epochs", self.settings.recipe.epochs) as task:
                trained = train(
                    architecture,
                    self._pictures(architecture.resolution),
                    self.settings.recipe,
                    seed=self.settings.seed,
                    checkpoints=self.folder / "checkpoints" / f"proportion-{number:03}",
                    progress=partial(_told, task, judge),
                )
        except TrainingFailed as error:
            return Ended(number, None, str(error))
        return Ended(number, trained.validation_accuracy)

    def _pictures(self, resolution: int) -> Dataset:
        return with_pictures(self.sized(resolution), self.settings.pictures, self.settings.seed)


@dataclass(frozen=True)
class PrepareTrainings:
    """Loads in a worker what the networks are trained on."""

    settings: ProportionSearch
    folder: Path

    def __call__(self) -> Train:
        """Raises `InputError` where the pictures are not to be had there."""
        keep_freed_memory()
        progress = RunProgress(stages=1)
        channels = Architecture.parse(self.settings.architecture).channels
        dataset = open_data(self.settings.data, self.settings.seed, progress, channels)
        return Trainings(self.settings, self.folder, dataset, progress)


def make_trainer(
    settings: ProportionSearch, folder: Path, dataset: Dataset, progress: RunProgress, workers: int
) -> Trainer:
    """So many processes, or for 0 this one."""
    if not workers:
        return InProcess(Trainings(settings, folder, dataset, progress))
    own = settings.model_copy(update={"data": settings.data.beside(workers)})
    prepare = PrepareTrainings(own, folder.absolute())
    return Crew(LocalProcesses(prepare, workers, folder / LOGS))


def _told(task: Any, judge: Judge, epoch: Epoch) -> None:
    task.update(epoch.epoch, f"loss {epoch.loss:.3f} {epoch.validation_accuracy:.2%}")
    judge(epoch.epoch, epoch.validation_accuracy)
