"""What a study's earlier trials tell a sampler of our own, which keeps nothing by itself."""

import math
from abc import abstractmethod
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

MOST_OPTIONS = 64  # of an integer, to be looked at one by one

Rank = tuple[int, float]
Params = dict[str, Any]


class FromHistory(BaseSampler):
    """A sampler for one objective that decides all choices of a trial together, from the trials before it."""

    def __init__(self, seed: int | None = None):
        self._random = RandomSampler(seed=seed)

    @property
    def rng(self) -> Any:
        """NumPy's generator of random numbers."""
        return self._random._rng.rng

    def reseed_rng(self) -> None:
        """As Optuna asks of samplers that several threads share."""
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All choices that every finished trial has made."""
        self._raise_error_if_multi_objective(study)
        return intersection_search_space(before(study, trial), include_pruned=True)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Params:
        """All choices together; none where no choice is every trial's."""
        self._raise_error_if_multi_objective(study)
        return self.together(study, trial, search_space) if search_space else {}

    @abstractmethod
    def together(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> Params:
        """A value for each of some choices."""

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """At random, as long as nothing is known."""
        self._raise_error_if_multi_objective(study)
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def at_random(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> Params:
        """Every choice drawn for itself."""
        return {name: self._random.sample_independent(study, trial, name, space[name]) for name in space}


def before(study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
    """The trials before this one, in any state, by number."""
    return [t for t in study.get_trials(deepcopy=False) if t.number < trial.number]


def told(trials: list[FrozenTrial], space: dict[str, BaseDistribution]) -> list[FrozenTrial]:
    """Those that ended with something to learn from, and made all these choices."""
    ended = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    return [t for t in ended if all(t.distributions.get(name) == space[name] for name in space)]


def violation(trial: FrozenTrial) -> float:
    """By how much the trial exceeds its limits, all together."""
    return sum(max(0.0, float(value)) for value in trial.constraints.values())


def score(study: Study, trial: FrozenTrial) -> float | None:
    """The trial's value, with its sign turned where it is to be small; None where it has none."""
    if trial.state != TrialState.COMPLETE or trial.value is None or not math.isfinite(trial.value):
        return None
    return trial.value if study.direction == StudyDirection.MAXIMIZE else -trial.value


def rank(study: Study, trial: FrozenTrial) -> Rank:
    """The larger the better: first scored trials within the limits, then unscored ones, then by total violation."""
    if (excess := violation(trial)) > 0:
        return 0, -excess
    value = score(study, trial)
    return (1, 0.0) if value is None else (2, value)


def options(distribution: BaseDistribution) -> tuple[Any, ...] | None:
    """The alternatives of a choice, None where there are too many to look at one by one."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if not isinstance(distribution, IntDistribution):
        return None
    found = range(distribution.low, distribution.high + 1, distribution.step)
    return tuple(found) if len(found) <= MOST_OPTIONS else None


def key(params: Params, space: dict[str, BaseDistribution]) -> tuple[Any, ...]:
    """The choices as something that equal ones share."""
    return tuple(params.get(name) for name in sorted(space))
