"""Regularized evolution, as AmoebaNet was found: a tournament among the young, one change a child.

Real, Aggarwal, Huang and Le, "Regularized Evolution for Image Classifier Architecture Search"
(arXiv 1802.01548), algorithm 1. The oldest leaves the population however good it is.
"""

from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.history import FromHistory, Params, before, key, options, rank, told
from nas.search.samplers.strategy import Draw, Ranges, Strategy

TRIES = 10  # to make a child that was not there before, for each number of changes


@dataclass(frozen=True)
class Evolution(Strategy):
    """Regularized evolution: `population` trials, of which the best of `tournament` is the parent."""

    population: int = 20
    tournament: int = 5

    name = "evolution"
    ranges: ClassVar[Ranges] = {"population": (2, 100_000), "tournament": (1, 100_000)}
    most_objectives = 1

    def make(self, draw: Draw) -> BaseSampler:
        """The population is read from the study."""
        return RegularizedEvolution(self.population, self.tournament, draw.seed)


class RegularizedEvolution(FromHistory):
    """The first `population` trials at random; then the best of `tournament` of the last ones, changed in one place.

    The population are the last trials within the limits that were scored; as long as there
    are too few, those that exceed the limits least stand in for the missing.
    """

    def __init__(self, population: int = 20, tournament: int = 5, seed: int | None = None):
        super().__init__(seed)
        self.population, self.tournament = population, tournament

    def together(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> Params:
        """A child of the population, new if one can be found soon."""
        earlier = before(study, trial)
        ended = told(earlier, space)
        if len(ended) < self.population:
            return self.at_random(study, trial, space)
        parent = self._parent(study, ended)
        seen = {key(t.params, space) for t in earlier}
        child: Params = {}
        for attempt in range(3 * TRIES):
            child = self._changed(study, trial, space, parent, 1 + attempt // TRIES)
            if key(child, space) not in seen:
                break
        return child

    def _parent(self, study: Study, ended: list[FrozenTrial]) -> Params:
        scored = [t for t in ended if rank(study, t)[0] == 2][-self.population :]
        others = sorted((t for t in ended if rank(study, t)[0] < 2), key=lambda t: rank(study, t), reverse=True)
        population = scored + others[: self.population - len(scored)]
        drawn = self.rng.permutation(len(population))[: self.tournament]
        best: FrozenTrial = max((population[i] for i in drawn), key=lambda t: (rank(study, t), t.number))
        return best.params

    def _changed(
        self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], parent: Params, changes: int
    ) -> Params:
        """The parent with another value for so many choices."""
        open_to_change = [name for name in sorted(space) if not space[name].single()]
        child = {name: parent[name] for name in space}
        for place in self.rng.permutation(len(open_to_change))[:changes]:
            name = open_to_change[place]
            known = options(space[name])
            others = [value for value in known or () if value != parent[name]]
            if others:
                child[name] = others[self.rng.randint(len(others))]
            else:
                child[name] = self._random.sample_independent(study, trial, name, space[name])
        return child
