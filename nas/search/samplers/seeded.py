"""Randomness that does not depend on how often a trial was begun."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.strategy import Draw

TOGETHER = "edgescale:together"  # what of a trial keeps the choices that were made together


class Seeded(BaseSampler):
    """A sampler for one trial, in which every choice that is made by itself has random numbers of its own.

    Of a trial that was cut short some choices are stored already. With one stream of numbers for all,
    the rest would be drawn from its beginning, and differ from those of an undisturbed trial.
    """

    def __init__(self, make: Callable[[Draw], BaseSampler], draw: Draw):
        self.make, self.draw = make, draw
        self.sampler = self._made(draw)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The choices that are made together."""
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The choices that are made together: those kept with the trial where it is taken up again."""
        if (kept := trial.system_attrs.get(TOGETHER)) is None:
            kept = self.sampler.sample_relative(study, trial, search_space)
            study._storage.set_trial_system_attr(trial._trial_id, TOGETHER, kept)
        return dict(kept)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """One choice."""
        alone = self._made(self.draw._replace(choice=param_name))
        return alone.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """What the sampler does."""
        self.sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """What the sampler does."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Constraints have been set")  # of CMA-ES, which is told them in values
            self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Leaves the numbers as they are: they follow from the trial."""

    def _made(self, draw: Draw) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # Optuna's word on what may change in a later one
            return self.make(draw)
