"""Optuna's samplers kept from proposing again what was proposed: an architecture known already teaches nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.history import Params, before, key

Space = dict[str, BaseDistribution]

TRIES = 30  # to make a child that was not there before


class UnrepeatedTPE(TPESampler):
    """Takes the most promising of its candidates that is new.

    Optuna's takes the most promising, which among a few thousand architectures is soon one that was
    trained: its estimators favour the surroundings of the best known, the best known above all.
    """

    _tried: set[tuple[Any, ...]] | None = None
    _space: Space

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Space) -> Params:
        """All choices together; where all candidates are known, the most promising of these."""
        self._space = search_space
        self._tried = {key(earlier.params, search_space) for earlier in before(study, trial)}
        try:
            return super().sample_relative(study, trial, search_space)
        finally:
            self._tried = None  # a choice made by itself has been made before as a rule

    def _compute_acquisition_func(self, samples: dict[str, NDArray[Any]], *estimators: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = super()._compute_acquisition_func(samples, *estimators)
        if self._tried is None or samples.keys() != self._space.keys():
            return found
        known = np.array([candidate in self._tried for candidate in self._candidates(samples)])
        return found if known.all() else np.where(known, -np.inf, found)

    def _candidates(self, samples: dict[str, NDArray[Any]]) -> list[tuple[Any, ...]]:
        """Each candidate as `key` has it."""
        chosen = [[self._space[name].to_external_repr(v.item()) for v in samples[name]] for name in sorted(samples)]
        return list(zip(*chosen, strict=True))


def new_child(sampler: NSGAIISampler | NSGAIIISampler, study: Study, trial: FrozenTrial, space: Space) -> Params:
    """A child of the parents of the trial's generation, with all its choices; the last of many where none is new.

    What mutates Optuna leaves out, to be drawn later: too late to see whether the child is new.
    """
    parents = sampler.get_parent_population(study, sampler.get_trial_generation(study, trial))
    if not parents:
        return {}
    tried = {key(earlier.params, space) for earlier in before(study, trial)}
    child: Params = {}
    for _ in range(TRIES):
        child = sampler._child_generation_strategy(study, space, parents)
        drawn = sampler._random_sampler
        child |= {n: drawn.sample_independent(study, trial, n, space[n]) for n in space if n not in child}
        if key(child, space) not in tried:
            break
    return child
