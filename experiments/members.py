"""Which members of a family the networks of a space can be scaled to, as far as that is known before one has won."""

from experiments.schema import Experiment
from nas.errors import InputError
from scaling import family
from search_spaces import SearchSpace


def require_members(experiment: Experiment, space: SearchSpace) -> None:
    """Refuses a given `scale.to` where no network of the space can be scaled so; the default asks for nothing.

    Looks at the alternatives of the space, as far as the first that can be.
    """
    if "to" not in experiment.scale.model_fields_set:
        return
    reason = ""
    for architecture in space.alternatives():
        try:
            family(architecture, experiment.scale.to)
            return
        except InputError as error:
            reason = str(error).removeprefix("scaling: ")
    found = f"found {', '.join(experiment.scale.to)}, which no network of the space can be scaled to"
    raise InputError(f"{experiment.where('scale', 'to')}: {found}: {reason}")


def trains_members(experiment: Experiment, space: SearchSpace) -> bool:
    """Whether a member may be trained: one that is not the winner itself, whose accuracy is known."""
    for architecture in space.alternatives():
        for name in experiment.scale.train:
            try:
                (member,) = family(architecture, [name])
            except InputError:
                continue
            if member.architecture != architecture:
                return True
    return False
