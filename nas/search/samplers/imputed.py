"""Optuna's samplers that look at scored trials alone, made to learn from what was never scored, too: it broke a limit.

The genetic ones, which keep count as well, are in `repeatable`.
"""

import copy
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import CmaEsSampler, GPSampler
from optuna.study import Study, StudyDirection
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.history import Params, violation


class Imputed:
    """The study as such a sampler is to see it: what broke a limit counts as the worst that was scored.

    So it takes its place among the others, and its constraints tell it from them. Trials that ended
    without a score for another reason stay as they are, and so does the study.
    """

    def __init__(self, study: Study):
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, deepcopy: bool = True, states: Any = None, use_cache: bool = False) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy, None, use_cache)
        worst = self._worst([t.values for t in trials if t.state == TrialState.COMPLETE])
        seen = [self._seen(t, worst) for t in trials]
        return [t for t in seen if states is None or t.state in states]

    def _worst(self, scored: list[list[float]]) -> list[float]:
        if not scored:
            return [0.0] * len(self._study.directions)
        ends = [min if d == StudyDirection.MAXIMIZE else max for d in self._study.directions]
        return [float(end(values)) for end, values in zip(ends, zip(*scored, strict=True), strict=True)]

    def _seen(self, trial: FrozenTrial, worst: list[float]) -> FrozenTrial:
        if trial.state != TrialState.PRUNED or violation(trial) <= 0:
            return trial
        changed = copy.copy(trial)
        changed.state = TrialState.COMPLETE
        changed.values = self._stand_in(trial, worst)
        return changed

    def _stand_in(self, trial: FrozenTrial, worst: list[float]) -> list[float]:  # noqa: ARG002
        return worst


class _Penalised(Imputed):
    """The same for a sampler that knows values alone: the more is exceeded, the worse."""

    def _stand_in(self, trial: FrozenTrial, worst: list[float]) -> list[float]:
        signs = [-1 if d == StudyDirection.MAXIMIZE else 1 for d in self._study.directions]
        return [value + sign * violation(trial) for value, sign in zip(worst, signs, strict=True)]


class _OfOneLimit(Imputed):
    """The same for a sampler that wants one set of limits of all trials: the largest excess stands for all.

    Trials may be asked about other limits than each other (a device that measures is not asked about what
    another's limit refuses).
    """

    def _seen(self, trial: FrozenTrial, worst: list[float]) -> FrozenTrial:
        return _with_one_limit(super()._seen(trial, worst))


class ImputedGP(GPSampler):
    """Optuna's models the limits too, but looks at scored trials alone, all of which meet them."""

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Params:
        """All choices together, as soon as anything was scored."""
        return super().sample_relative(_OfOneLimit(study), trial, search_space)  # type: ignore[arg-type]


class ImputedCmaEs(CmaEsSampler):
    """Optuna's knows no limits: its distribution would stay where nothing meets them."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The choices between numbers, also where nothing was scored yet."""
        return super().infer_relative_search_space(Imputed(study), trial)  # type: ignore[arg-type]

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Params:
        """The choices between numbers together."""
        return super().sample_relative(_Penalised(study), trial, search_space)  # type: ignore[arg-type]


def _with_one_limit(trial: FrozenTrial) -> FrozenTrial:
    if not trial.constraints:
        return trial
    changed = copy.copy(trial)
    others = {key: value for key, value in trial.system_attrs.items() if not key.startswith(_CONSTRAINTS_KEY)}
    changed.system_attrs = {**others, _CONSTRAINTS_KEY: [max(trial.constraints.values())]}
    return changed
