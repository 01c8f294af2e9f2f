"""A controller that learns by policy gradient which choices pay, with the reward of MnasNet.

REINFORCE with a baseline (Williams, 1992), as in Zoph and Le, "Neural Architecture Search with
Reinforcement Learning" (arXiv 1611.01578), over one softmax a choice instead of a recurrent
network: choices of a space are few. The reward is accuracy x (latency / limit) ** w for every
limit (Tan et al., "MnasNet", arXiv 1807.11626, equation 2).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.history import FromHistory, Params, before, key, options, rank, score, told, violation
from nas.search.samplers.strategy import Draw, Ranges, Strategy

Policy = dict[str, NDArray[np.float64]]  # by choice, the logits of its options (N,)

KEPT = 0.9  # of the baseline and of the spread of rewards, at each trial
TRIES = 30  # to draw what was not there before
MOST_ADVANTAGE = 3.0  # in spreads; a single trial is not to settle everything


@dataclass(frozen=True)
class Controller(Strategy):
    """Policy gradient; `exponent` is w, below 0 to prefer what stays below its limit, 0 for accuracy alone."""

    learning_rate: float = 0.2
    exponent: float = -0.07

    name = "controller"
    ranges: ClassVar[Ranges] = {"learning_rate": (1e-6, 100), "exponent": (-100, 0)}
    most_objectives = 1

    def make(self, draw: Draw) -> BaseSampler:
        """The policy follows from the trials so far."""
        return PolicyGradient(self.learning_rate, self.exponent, draw.seed)


class PolicyGradient(FromHistory):
    """Draws each choice from a softmax that the earlier trials have taught, in the order of their numbers.

    A trial without a score has a reward below all scores, the lower the more it exceeds its limits.
    """

    def __init__(self, learning_rate: float = 0.2, exponent: float = -0.07, seed: int | None = None):
        super().__init__(seed)
        self.learning_rate, self.exponent = learning_rate, exponent

    def together(self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution]) -> Params:
        """A draw from the policy; choices with no end of options are drawn at random.

        A policy that is sure of itself would draw what it has learned from for ever: each draw that
        was there before makes the next a little more likely to be any.
        """
        earlier = before(study, trial)
        tried = {key(one.params, space) for one in earlier}
        chosen = self.at_random(study, trial, space)
        alternatives = {n: found for n in sorted(space) if (found := options(space[n])) is not None}
        policy = self._learned(study, told(earlier, space), alternatives)
        for attempt in range(TRIES):
            for name, logits in policy.items():
                any_share = attempt / TRIES
                shares = any_share / len(logits) + (1 - any_share) * _softmax(logits)
                chosen[name] = alternatives[name][int(self.rng.choice(len(logits), p=shares))]
            if key(chosen, space) not in tried:
                break
        return chosen

    def _learned(self, study: Study, trials: list[FrozenTrial], alternatives: dict[str, tuple[Any, ...]]) -> Policy:
        policy: Policy = {name: np.zeros(len(found)) for name, found in alternatives.items()}
        baseline = spread = None
        for trial, reward in zip(trials, self._rewards(study, trials), strict=True):
            if baseline is None or spread is None:
                baseline, spread = reward, 0.0
                continue
            advantage = reward - baseline
            spread = KEPT * spread + (1 - KEPT) * abs(advantage) if spread else abs(advantage)
            baseline = KEPT * baseline + (1 - KEPT) * reward
            step = float(np.clip(advantage / spread, -MOST_ADVANTAGE, MOST_ADVANTAGE)) if spread else 0.0
            for name, logits in policy.items():
                logits -= self.learning_rate * step * _softmax(logits)
                logits[alternatives[name].index(trial.params[name])] += self.learning_rate * step
        return policy

    def _rewards(self, study: Study, trials: list[FrozenTrial]) -> list[float]:
        scored = {
            t.number: value * self._factor(t, value)
            for t in trials
            if rank(study, t)[0] == 2 and (value := score(study, t)) is not None
        }
        lowest, highest = min(scored.values(), default=0.0), max(scored.values(), default=0.0)
        below = (highest - lowest) or abs(lowest) or 1.0
        worst = max(map(violation, trials), default=0.0) or 1.0
        # A trial far beyond its limits is worse than one just beyond, and both than any that was scored.
        return [scored.get(t.number, lowest - below * (0.5 + 0.5 * violation(t) / worst)) for t in trials]

    def _factor(self, trial: FrozenTrial, value: float) -> float:
        """What the latencies multiply a score by: of those whose limits are known, and scores above 0 alone."""
        factor = 1.0
        for device in trial.user_attrs.get("latency_ms", {}):
            beyond = trial.constraints.get(device)  # the latency as a share of its limit, less 1
            if beyond is not None and beyond > -1 and value > 0:
                factor *= (1 + beyond) ** self.exponent
        return factor


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares
