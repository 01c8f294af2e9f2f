"""Local search: from the best architecture known, one change at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.history import FromHistory, Params, before, key, options, rank, told
from nas.search.samplers.strategy import Draw, Strategy


@dataclass(frozen=True)
class Local(Strategy):
    """Local search, from the architectures that `search.start` names or from one drawn at random."""

    name = "local"
    most_objectives = 1

    def make(self, draw: Draw) -> BaseSampler:
        """Where it is, is read from the study."""
        return LocalSearch(draw.seed)


class LocalSearch(FromHistory):
    """Proposes an untried neighbour, one choice away, of the best trial that has one.

    A better neighbour is moved to at once; where all are known and worse, the search goes
    on around the next best.
    """

    def together(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> Params:
        """An untried neighbour, or anything where there is none."""
        earlier = before(study, trial)
        seen = {key(t.params, space) for t in earlier}
        centres = sorted(told(earlier, space), key=lambda t: (*rank(study, t), -t.number), reverse=True)
        for centre in centres:
            around = self._neighbours(study, trial, space, centre.params)
            untried = [params for params in around if key(params, space) not in seen]
            if untried:
                return untried[int(self.rng.randint(len(untried)))]
        return self.at_random(study, trial, space)

    def _neighbours(
        self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], centre: Params
    ) -> Iterator[Params]:
        """Every single change; of choices that have no end of values, one drawn at random."""
        here = {name: centre[name] for name in space}
        for name in sorted(space):
            known = options(space[name])
            if known is None:
                known = (self._random.sample_independent(study, trial, name, space[name]),)
            yield from ({**here, name: value} for value in known if value != here[name])
