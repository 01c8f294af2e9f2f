"""Known architectures that a search begins with: those of `search.start` that lie in its space."""

from typing import TYPE_CHECKING

from optuna import Study

from experiments.architectures import load_architecture
from nas.architecture import Architecture, Value
from nas.errors import InputError
from nas.search.choices import as_params
from nas.search.samplers import read
from search_spaces import SearchSpace
from search_spaces.inverse import choices_of

if TYPE_CHECKING:
    from experiments.context import Context
    from experiments.schema import Experiment

START = "start"  # the attribute of a trial that says what it was


def load_starts(experiment: "Experiment", space: SearchSpace) -> dict[str, Architecture]:
    """The named architectures, on the space's input and with its outputs.

    Raises `InputError` for what is no architecture.
    """
    try:
        return {name: _fitted(load_architecture(name).architecture, space) for name in experiment.search.start}
    except InputError as error:
        raise InputError(f"{experiment.where('search', 'start')}: {error}") from error


def enqueue_starts(context: "Context", study: Study) -> None:
    """Has the study begin with them, in their order; says which do not lie in the space, and how they differ.

    Does so once: not where the study has gone on to trials of its own.
    """
    trials = study.get_trials(deepcopy=False)
    if any(START not in trial.user_attrs for trial in trials):
        return
    known = {trial.user_attrs[START] for trial in trials}
    by_place = read(context.experiment.search.sampler).by_place(context.space.choices)
    for name, architecture in load_starts(context.experiment, context.space).items():
        chosen = _chosen(context, name, architecture)
        if chosen is not None and name not in known:
            study.enqueue_trial(as_params(chosen, context.space.choices, by_place), {START: name})


def _chosen(context: "Context", name: str, architecture: Architecture) -> dict[str, Value] | None:
    try:
        return choices_of(context.space, architecture)
    except InputError as error:
        context.progress.say(f"{name} is not in the space, and not where the search starts: {error}")
        return None


def _fitted(architecture: Architecture, space: SearchSpace) -> Architecture:
    """With the outputs of the space's networks, and on their input unless its own is one that they may have."""
    first = space.build(space.first())
    own = f"{architecture.resolution}x{architecture.resolution}x{architecture.channels}"
    if own not in space.choices.get("input", ()):
        architecture = architecture.with_input(first.resolution, first.channels)
    return architecture.with_classes(first.classes)
