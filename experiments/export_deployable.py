"""`nas export --make-deployable`: what the Edge TPU does not map substituted, and the network trained on a while."""

import sys
from typing import Any, NamedTuple

from experiments.data import sized
from experiments.export_source import Source
from experiments.progress import RunProgress
from nas.deployable import deployable, make_deployable
from nas.errors import InputError
from nas.network import initialise
from nas.train import Recipe, TrainingFailed, train
from nas.train.names import network_arrays
from nas.train.transfer import Start, take_over

LEARNING_RATE = 1e-3  # a quarter of the recipe's: the weights are trained already
_WHERE = "--make-deployable"


class Wish(NamedTuple):
    """Which activation stands for those that are not mapped, whether squeeze-and-excitation stays, and the
    epochs to train on."""

    activation: str
    squeeze: bool
    epochs: int


def made_deployable(source: Source, wish: Wish) -> tuple[Source, list[str]]:
    """The network with substitutes, trained on where there are pictures, and what was done, in words.

    Raises `InputError` where something has no known substitute, or training fails.
    """
    architecture, changes = make_deployable(source.architecture, wish.activation, wish.squeeze)
    if left := deployable(architecture, source.name):
        raise InputError(f"{_WHERE}: {left[0]}; expected a network for all of which substitutes are known")
    if not changes:
        return source, []
    said = [f"{change.before} -> {change.after}" for change in changes]
    for line in said:
        print(f"nas export: {line}", file=sys.stderr)
    changed = source._replace(architecture=architecture)
    start = Start(source.name, network_arrays(source.network))
    if source.dataset is None or not source.trained or not wish.epochs:
        network = initialise(architecture)
        take_over(network, start)
        network.eval()  # type: ignore[no-untyped-call]
        return changed._replace(network=network), [*said, "not trained on: the weights are those from before"]
    trained = _trained(changed, start, wish.epochs)
    accuracy = f"{trained.validation_accuracy:.2%} in validation after {wish.epochs} more epochs"
    return changed._replace(network=trained.network), [*said, accuracy]


def _trained(source: Source, start: Start, epochs: int) -> Any:
    if source.dataset is None:
        raise ValueError("trained on without pictures")
    with RunProgress(1) as progress:
        dataset = sized(source.dataset, source.architecture.resolution, progress)
        batch = min(64, len(dataset.train))
        recipe = Recipe(epochs=epochs, batch_size=batch, learning_rate=LEARNING_RATE, warmup_epochs=0)
        progress.stage(f"train on for {epochs} epochs")
        try:
            with progress.task("epochs", epochs) as task:
                return train(
                    source.architecture,
                    dataset,
                    recipe,
                    seed=source.seed,
                    start=start,
                    progress=lambda epoch: task.update(epoch.epoch, f"validation {epoch.validation_accuracy:.2%}"),
                )
        except TrainingFailed as error:
            raise InputError(f"{_WHERE}: {error}; expected weights that can be trained on") from error
