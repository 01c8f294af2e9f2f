"""What becomes of a trial, written into the study."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import Trial, TrialState

from nas.search.candidate import Candidate, Verdict
from nas.search.objectives import Objective
from nas.search.quantities import ACCURACY
from nas.search.record import Record, read_record


@dataclass
class Recorder:
    """The last step of every trial. Until it is told, the trial counts as under way."""

    study: Study
    objectives: Sequence[Objective]

    def keep(self, trial: Trial, candidate: Candidate) -> None:
        """Writes down, once, what is known before training, and the constraints, from which samplers learn."""
        found = candidate.facts
        if found is None:
            raise RuntimeError("a trial without facts")
        if candidate.kept:
            return
        candidate.kept = True
        trial.set_user_attr("architecture", candidate.architecture.text)
        for name in ("params", "macs", "latency_ms"):
            trial.set_user_attr(name, getattr(found, name))
        trial.set_user_attr("memory", {"bytes": found.bytes, "peak_memory": found.peak_memory})
        if candidate.zero_cost:
            trial.set_user_attr("zero_cost", candidate.zero_cost)
        for name, excess in candidate.violations.items():
            if name not in trial.constraints:  # kept already where the trial is taken up again
                trial.set_constraint(name, excess)

    def end(self, trial: Trial, sampler: BaseSampler, candidate: Candidate, verdict: Verdict, started: float) -> Record:
        """Tells the study how a trial ended, which began at `started` on the monotonic clock.

        A trial without a score is pruned rather than failed where its constraints or its epochs
        hold what samplers can learn from.
        """
        self.keep(trial, candidate)
        values, verdict = self._values(candidate, verdict)
        if verdict.duplicate_of is not None:
            trial.set_user_attr("duplicate_of", verdict.duplicate_of)
        if ACCURACY in verdict.scores:
            trial.set_user_attr("accuracy", verdict.scores[ACCURACY])
            trial.set_user_attr("scores", dict(verdict.scores))
        trial.set_user_attr("outcome", verdict.outcome)
        trial.set_user_attr("reason", verdict.reason)
        trial.set_user_attr("seconds", time.monotonic() - started)
        self.study.sampler = sampler
        state = TrialState.COMPLETE if values else TrialState.FAIL if verdict.outcome == "failed" else TrialState.PRUNED
        return read_record(self.study.tell(trial, values or None, state=state))

    def _values(self, candidate: Candidate, verdict: Verdict) -> tuple[list[float], Verdict]:
        """The objectives' values, none where nothing was trained; one that is no number fails the trial."""
        if not verdict.scores or candidate.facts is None:
            return [], verdict
        values: list[float] = []
        for objective in self.objectives:
            try:
                value = objective.value(candidate.facts, verdict.scores)
            except KeyError as error:
                return [], Verdict("failed", f"{error.args[0]} was not measured")
            if not math.isfinite(value):
                return [], Verdict("failed", f"{objective.name} is {value}")
            values.append(value)
        return values, verdict
