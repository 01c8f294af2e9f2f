"""Optuna's samplers that keep count of something, changed so that a trial taken up again is as it was."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BruteForceSampler, NSGAIIISampler, NSGAIISampler, QMCSampler, RandomSampler
from optuna.samplers._ga import BaseGASampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.history import Params
from nas.search.samplers.imputed import Imputed
from nas.search.samplers.strategy import Draw
from nas.search.samplers.unrepeated import new_child


class NumberedQMC(QMCSampler):
    """Takes the point of the sequence from the trial's number.

    Optuna counts the points that it gave away, so that a trial which is taken up again would skip one.
    """

    def __init__(self, draw: Draw, qmc_type: str, scramble: bool):
        seed = draw.study % 2**32
        super().__init__(
            qmc_type=qmc_type,
            scramble=scramble,
            seed=seed,
            independent_sampler=RandomSampler(seed=draw.seed),
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        )
        self.number = draw.number

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:  # noqa: ARG002
        return max(0, self.number - 1)  # trial 0 is drawn at random


class _Settled(BaseGASampler):
    """Has a generation's parents in the order of their trials, also when it has just selected them.

    What broke a limit belongs to its generation: Optuna ranks it, behind all that meets them, by its violation.
    """

    def __init__(self, seed: int, **options: Any):
        super().__init__(seed=seed, **options)  # type: ignore[call-arg]
        self.seed = seed

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The parents, selected once a generation and kept with the study; NSGA-III selects by random numbers too."""
        super().get_parent_population(study, generation)
        self._rng.rng.seed(self.seed)  # type: ignore[attr-defined]
        return super().get_parent_population(study, generation)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The choices of all trials, also where nothing was scored yet."""
        return super().infer_relative_search_space(Imputed(study), trial)  # type: ignore[arg-type, safe-super]

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Params:
        """A new child of the generation's parents; nothing in the first generation, which is drawn at random."""
        return new_child(self, Imputed(study), trial, search_space)  # type: ignore[arg-type]


class SettledNSGAII(_Settled, NSGAIISampler):
    """NSGA-II that a trial taken up again finds as it was, and that learns from what broke a limit."""


class SettledNSGAIII(_Settled, NSGAIIISampler):
    """The same of NSGA-III."""


class EndlessBruteForce(BruteForceSampler):
    """Leaves it to the search to see that all has been tried; Optuna's stops a loop that is not run here."""

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> Any:
        """Does nothing."""
