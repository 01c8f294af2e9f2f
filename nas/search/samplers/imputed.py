"""A Gaussian process that also learns from what was never scored, because it broke a limit."""

import copy
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState


class ImputedGP(GPSampler):
    """Optuna's models the limits too, but looks at scored trials alone, all of which meet them."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What broke a limit counts as the worst that was scored."""
        return super().sample_relative(_Imputed(study), trial, search_space)  # type: ignore[arg-type]


class _Imputed:
    """The study as the process sees it."""

    def __init__(self, study: Study):
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, deepcopy: bool = True, states: Any = None, use_cache: bool = False) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy, states, use_cache)
        scored = [t.values for t in trials if t.state == TrialState.COMPLETE]
        if not scored:
            return trials
        ends = [min if d == StudyDirection.MAXIMIZE else max for d in self._study.directions]
        worst = [float(end(values)) for end, values in zip(ends, zip(*scored, strict=True), strict=True)]
        pruned = self._study._get_trials(deepcopy, (TrialState.PRUNED,), use_cache)
        broken = [t for t in pruned if any(value > 0 for value in t.constraints.values())]
        return trials + [_scored(t, worst) for t in broken]


def _scored(trial: FrozenTrial, values: list[float]) -> FrozenTrial:
    changed = copy.copy(trial)
    changed.state = TrialState.COMPLETE
    changed.values = values
    return changed
