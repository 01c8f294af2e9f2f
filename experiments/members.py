"""Which members of a family the networks of a space can be scaled to, as far as that is known before one has won."""

from experiments.schema import Experiment
from nas.errors import InputError
from scaling import family
from search_spaces import SearchSpace


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
