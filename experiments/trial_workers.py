"""Who trains the trials of a search: this process, processes beside it, or a Ray cluster."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from experiments.context import Context
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment
from experiments.stages.trial import train_trial
from nas.errors import InputError
from nas.search.in_process import InProcess, Train
from nas.search.trainer import Trainer
from nas.search.workers.crew import Crew
from nas.search.workers.local import LocalProcesses
from nas.search.workers.ray_cluster import RayActors, Resources
from nas.search.workers.worker import Engine

LOGS = "workers"  # the folder of what local workers print
SLACK = 30.0  # seconds that a worker has to end an overdue trial by itself, before it is ended with it


@dataclass(frozen=True)
class PrepareTrials:
    """Loads in a worker what the trials of an experiment are trained with; paths mean there what they mean here."""

    experiment: Experiment
    folder: Path
    working: Path

    def __call__(self) -> Train:
        """Raises `InputError` as `Context.load` does, and where the folder is not to be seen there."""
        try:
            os.chdir(self.working)
        except OSError as error:
            raise InputError(f"{self.working}: cannot be seen by a worker; expected a folder that all share") from error
        return partial(train_trial, Context.load(self.experiment, RunFolder(self.folder), RunProgress(stages=1)))


def make_trainer(context: Context) -> Trainer:
    """The one that the experiment asks for. Raises `InputError` where its cluster cannot be had."""
    search = context.experiment.search
    if not search.workers:
        return InProcess(partial(train_trial, context))
    seconds = None if search.trial_minutes is None else 60 * search.trial_minutes + SLACK
    return Crew(_engine(context), seconds)


def _engine(context: Context) -> Engine:
    experiment = context.experiment
    search = experiment.search
    folder = context.folder.path.absolute()
    if search.engine == "local":
        own = experiment.model_copy(update={"data": experiment.data.beside(search.workers)})
        return LocalProcesses(PrepareTrials(own, folder, Path.cwd()), search.workers, context.path(LOGS))
    prepare = PrepareTrials(experiment, folder, Path.cwd())
    address = search.engine.removeprefix("ray").removeprefix(":") or None
    try:
        return RayActors(prepare, search.workers, address, Resources(search.resources.cpus, search.resources.gpus))
    except InputError as error:
        raise InputError(f"{experiment.where('search', 'engine')}: {error}") from error
