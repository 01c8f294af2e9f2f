"""The search: propose, look up, check the limits, and train only what passes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from optuna.study import Study
from optuna.trial import Trial, TrialState

from nas.architecture import Architecture
from nas.search.facts import Facts, Limits
from nas.search.record import Record, read_records
from nas.search.samplers import make_sampler
from nas.search.space import Space

REPEATS_BEFORE_RANDOM = 3
REPEATS_BEFORE_END = 200

Train = Callable[[int, Architecture], float]


class TrialFailed(Exception):
    """A trial could not be scored, with the reason; the search records it and goes on."""


@dataclass(frozen=True)
class Budget:
    """When a search has done enough: whichever comes first.

    `architectures` counts distinct ones considered, trained or not; `trained` those
    trained; `minutes` the time that trials took, over all runs of the search.
    """

    architectures: int
    trained: int | None = None
    minutes: float | None = None

    def spent(self, records: list[Record]) -> bool:
        """Whether these trials use the budget up."""
        trained = sum(record.outcome == "trained" for record in records)
        minutes = sum(record.seconds for record in records) / 60
        return (
            len({record.digest for record in records}) >= self.architectures
            or (self.trained is not None and trained >= self.trained)
            or (self.minutes is not None and minutes >= self.minutes)
        )


@dataclass
class Search:
    """Explores `space` within `budget`, recording every trial in `study`.

    `train` gives the validation accuracy (0 to 1) of a trial's architecture, or raises
    `TrialFailed`. Everything a search knows is in the study, so running one over a
    study that was cut short goes on where it stopped; a trial that was under way is
    taken up again under its own number.
    """

    study: Study
    space: Space
    limits: Limits
    budget: Budget
    train: Train
    sampler: str = "tpe"
    seed: int = 0

    def run(self) -> Iterator[Record]:
        """Yields each trial as it ends, the earlier ones first, until the budget is spent."""
        records = read_records(self.study)
        yield from records
        while not self.budget.spent(records) and (repeats := _repeats(records)) < REPEATS_BEFORE_END:
            self._consider(self._next_trial(repeats), records)
            records = read_records(self.study)
            yield records[-1]

    def _next_trial(self, repeats: int) -> Trial:
        """The trial that was under way when the search was cut short, or a new one.

        A sampler that keeps proposing what is known already is relieved by a random one.
        """
        trials = self.study.get_trials(deepcopy=False)
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        name = "random" if repeats >= REPEATS_BEFORE_RANDOM else self.sampler
        self.study.sampler = make_sampler(name, self.seed, running[0].number if running else len(trials))
        return Trial(self.study, running[0]._trial_id) if running else self.study.ask()

    def _consider(self, trial: Trial, records: list[Record]) -> None:
        started = time.monotonic()
        architecture = self._propose(trial)
        found = self.limits.facts(architecture, self.space.origin)
        self._keep_facts(trial, architecture, found)
        known = next((r for r in records if r.digest == architecture.digest and r.outcome != "duplicate"), None)
        if known is not None:
            self._repeat(trial, known)
        elif not self.limits.met(found):
            self._end(trial, "infeasible", started, reason=self._excess_text(found))
        else:
            self._train(trial, architecture, started)

    def _propose(self, trial: Trial) -> Architecture:
        choices = self.space.choices.items()
        chosen: dict[str, Any] = {name: trial.suggest_categorical(name, values) for name, values in choices}
        return self.space.build(chosen)

    def _keep_facts(self, trial: Trial, architecture: Architecture, found: Facts) -> None:
        trial.set_user_attr("architecture", architecture.text)
        trial.set_user_attr("params", found.params)
        trial.set_user_attr("macs", found.macs)
        trial.set_user_attr("latency_ms", found.latency_ms)
        for device, excess in self.limits.violations(found).items():
            if device not in trial.constraints:  # kept already where the trial is taken up again
                trial.set_constraint(device, excess)

    def _excess_text(self, found: Facts) -> str:
        over = [
            f"{found.latency_ms[device]:.4g} ms on {device} over the limit of {limit:g} ms"
            for device, limit in self.limits.milliseconds.items()
            if found.latency_ms.get(device, 0) > limit
        ]
        return ", ".join([*over, *found.refused.values()])

    def _repeat(self, trial: Trial, known: Record) -> None:
        trial.set_user_attr("duplicate_of", known.number)
        if known.accuracy is not None:
            trial.set_user_attr("accuracy", known.accuracy)
        reason = f"same architecture as trial {known.number}"
        self._end(trial, "duplicate", time.monotonic(), known.accuracy, reason)

    def _train(self, trial: Trial, architecture: Architecture, started: float) -> None:
        try:
            accuracy = self.train(trial.number, architecture)
        except TrialFailed as failure:
            self._end(trial, "failed", started, reason=str(failure))
            return
        trial.set_user_attr("accuracy", accuracy)
        self._end(trial, "trained", started, accuracy)

    def _end(self, trial: Trial, outcome: str, started: float, accuracy: float | None = None, reason: str = "") -> None:
        """Tells the study, last of all: until then the trial counts as under way.

        A trial without a score is pruned rather than failed where its constraints hold
        what samplers can learn from.
        """
        trial.set_user_attr("outcome", outcome)
        trial.set_user_attr("reason", reason)
        trial.set_user_attr("seconds", time.monotonic() - started)
        if accuracy is not None:
            self.study.tell(trial, accuracy)
        else:
            self.study.tell(trial, state=TrialState.FAIL if outcome == "failed" else TrialState.PRUNED)


def _repeats(records: list[Record]) -> int:
    """How many trials in a row, up to the last, proposed what was known already."""
    return next((n for n, record in enumerate(reversed(records)) if record.outcome != "duplicate"), len(records))
