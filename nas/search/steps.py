"""The steps of a search: each looks at one candidate, and lets it pass, ends it, or has it wait."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nas.architecture import Architecture
from nas.search.candidate import Candidate, Verdict, Waiting
from nas.search.facts import Limits
from nas.search.judging import Judging
from nas.search.ledger import Ledger
from nas.search.quantities import ACCURACY
from nas.search.trainer import Trainer


class Step(Protocol):
    """One step."""

    def take(self, candidate: Candidate) -> Verdict | Waiting | None:
        """None where the candidate passes to the next step."""


@dataclass
class Deduplicate:
    """Ends what was seen before: equal architectures are never trained twice, not even at the same time."""

    ledger: Ledger

    def take(self, candidate: Candidate) -> Verdict | Waiting | None:
        """A duplicate has the facts and the scores of its original, for which it waits where that is under way."""
        digest = candidate.architecture.digest
        if (known := self.ledger.known(digest)) is not None:
            candidate.facts, candidate.violations = known.facts, known.violations
            reason = f"same architecture as trial {known.number}"
            return Verdict("duplicate", reason, known.number, known.scores)
        under_way = self.ledger.under_way(digest)
        return None if under_way in (None, candidate.number) else Waiting(under_way)


@dataclass
class LookUp:
    """Cheap facts: parameters, multiply-accumulates, bytes, latency."""

    limits: Limits
    origin: str = "architecture"

    def take(self, candidate: Candidate) -> None:
        """Asks no device that measures where another's limit is exceeded already."""
        candidate.facts = self.limits.facts(candidate.architecture, self.origin)


@dataclass
class WithinLimits:
    """Hard constraints: what breaks a limit is recorded with how much it is beyond, and never trained."""

    limits: Limits

    def take(self, candidate: Candidate) -> Verdict | None:
        """Needs the facts."""
        if candidate.facts is None:
            raise RuntimeError("limits before facts")
        candidate.violations = self.limits.violations(candidate.facts)
        return None if self.limits.met(candidate.facts) else Verdict("infeasible", self.limits.broken(candidate.facts))


@dataclass
class OnlyDeployable:
    """A hard constraint too: what a device would not run all of is recorded with the reason, and never trained."""

    device: str
    reasons: Callable[[Architecture], Sequence[str]]

    def take(self, candidate: Candidate) -> Verdict | None:
        """Counts the reasons as what is beyond the limit of none."""
        found = self.reasons(candidate.architecture)
        if not found:
            return None
        candidate.violations = {**candidate.violations, f"deployable on {self.device}": float(len(found))}
        return Verdict("infeasible", found[0])


@dataclass
class ZeroCost:
    """A score of the untrained network as a filter: only the best `keep` (0 to 1) of those seen so far pass."""

    name: str
    keep: float
    score: Callable[[Architecture], float]
    ledger: Ledger

    def take(self, candidate: Candidate) -> Verdict | None:
        """What has no number for a score does not pass."""
        mine = candidate.zero_cost[self.name] = self.score(candidate.architecture)
        if not math.isfinite(mine):
            return Verdict("screened", f"{self.name} is no number")
        others = self.ledger.zero_cost(self.name, candidate.number, mine)
        places = max(1, math.ceil(self.keep * (len(others) + 1)))
        better = sum(other > mine for other in others)
        if better < places:
            return None
        return Verdict("screened", f"{self.name} of {mine:.4g}: {better} of {len(others)} other trials have more")


@dataclass
class Train:
    """Training, as far as the judge of the trial lets it go."""

    trainer: Trainer
    judging: Judging

    def take(self, candidate: Candidate) -> Verdict | Waiting | None:
        """Begins the training, and at the second call looks at how it ended."""
        ended = candidate.ended
        if ended is None:
            self.trainer.start(candidate.number, candidate.architecture, self.judging.judge(candidate))
            return Waiting(candidate.number)
        if ended.accuracy is None or not math.isfinite(ended.accuracy):
            return Verdict("failed", ended.reason or f"the accuracy is {ended.accuracy}")
        if ended.stopped:
            return Verdict("pruned", self.judging.stopped.get(candidate.number, ended.reason))
        return Verdict("trained", ended.reason, scores={ACCURACY: ended.accuracy, **ended.measures})
