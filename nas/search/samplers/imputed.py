"""A Gaussian process that also learns from what was never scored, because it broke a limit."""

import copy
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler
from optuna.study import Study, StudyDirection
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState


class ImputedGP(GPSampler):
    """Optuna's models the limits too, but looks at scored trials alone, all of which meet them."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What broke a limit counts as the worst that was scored.

        Trials may be asked about other limits than each other (a device that measures is not asked about what
        another's limit refuses), while Optuna wants the same of each: the largest excess stands for all.
        """
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
            return [_with_one_limit(t) for t in trials]
        ends = [min if d == StudyDirection.MAXIMIZE else max for d in self._study.directions]
        worst = [float(end(values)) for end, values in zip(ends, zip(*scored, strict=True), strict=True)]
        pruned = self._study._get_trials(deepcopy, (TrialState.PRUNED,), use_cache)
        broken = [t for t in pruned if any(value > 0 for value in t.constraints.values())]
        return [_with_one_limit(t) for t in [*trials, *(_scored(t, worst) for t in broken)]]


def _with_one_limit(trial: FrozenTrial) -> FrozenTrial:
    if not trial.constraints:
        return trial
    changed = copy.copy(trial)
    others = {key: value for key, value in trial.system_attrs.items() if not key.startswith(_CONSTRAINTS_KEY)}
    changed.system_attrs = {**others, _CONSTRAINTS_KEY: [max(trial.constraints.values())]}
    return changed


def _scored(trial: FrozenTrial, values: list[float]) -> FrozenTrial:
    changed = copy.copy(trial)
    changed.state = TrialState.COMPLETE
    changed.values = values
    return changed
