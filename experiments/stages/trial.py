"""The training of one trial of a search."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax

from experiments.context import Context
from experiments.time_limit import TookTooLong, within
from nas.architecture import Architecture
from nas.errors import InputError
from nas.search.objectives import measured_scores
from nas.search.quantities import INT8_ACCURACY
from nas.search.trainer import Ended, Judge
from nas.train import Epoch, Trained, TrainingFailed, load_trained

EXHAUSTED = "RESOURCE_EXHAUSTED"  # what XLA says of a device whose memory is full


class _Stopped(Exception):
    """A judge has seen enough."""


def checkpoint_name(number: int) -> str:
    """What a trial's checkpoints are kept under."""
    return f"trial-{number:04}"


def train_trial(context: Context, number: int, architecture: Architecture, judge: Judge) -> Ended:
    """Trains a trial's architecture in this process, from where an earlier start of it was stopped.

    What is the trial's own fault ends it with a reason; raises `InputError` for what would
    keep every trial from being trained, such as a full disk.
    """
    minutes = context.experiment.search.trial_minutes
    reached: list[float] = []
    try:
        with within(minutes and minutes * 60):
            trained = _train(context, number, architecture, judge, reached)
            return Ended(number, trained.validation_accuracy, measures=_measures(context, architecture, trained))
    except _Stopped:
        return Ended(number, reached[-1], stopped=True)
    except TookTooLong:
        return Ended(number, None, f"took longer than {minutes:g} minutes, the most of search.trial_minutes")
    except TrainingFailed as error:
        return Ended(number, None, str(error))
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, MemoryError) or EXHAUSTED in str(error):
            return Ended(number, None, "ran out of memory")
        raise


def _train(context: Context, number: int, architecture: Architecture, judge: Judge, reached: list[float]) -> Trained:
    """Adds each epoch's accuracy to `reached`; those before a kill are judged again."""
    settings = context.experiment.search
    recipe = settings.recipe

    def ask(epoch: int, accuracy: float) -> None:
        reached.append(accuracy)
        if not judge(epoch, accuracy) and epoch < recipe.epochs:
            raise _Stopped

    with context.progress.task(f"trial {number} epochs", recipe.epochs) as task:

        def on_epoch(epoch: Epoch) -> None:
            task.update(epoch.epoch, f"loss {epoch.loss:.3f} {epoch.validation_accuracy:.2%}")
            ask(epoch.epoch, epoch.validation_accuracy)

        for row in _kept(context, number):
            ask(row["epoch"], row["validation_accuracy"])
        return context.train(checkpoint_name(number), architecture, recipe, on_epoch, settings.pictures)


def _kept(context: Context, number: int) -> Iterator[Mapping[str, Any]]:
    """The epochs of an earlier start, which are not trained again."""
    folder = context.folder.checkpoints(checkpoint_name(number))
    if folder.is_dir() and any(entry.name.isdigit() for entry in folder.iterdir()):
        yield from load_trained(folder, best=False).history


def _measures(context: Context, architecture: Architecture, trained: Trained) -> dict[str, float]:
    """What the objectives need beside the accuracy."""
    if INT8_ACCURACY not in measured_scores(context.objectives):
        return {}
    from experiments.int8 import int8_accuracy  # brings in TensorFlow

    try:
        return {INT8_ACCURACY: int8_accuracy(context, trained.network, architecture.resolution)}
    except InputError as error:
        raise TrainingFailed(f"cannot be measured as int8: {error}") from error
