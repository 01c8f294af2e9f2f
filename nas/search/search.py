"""The search: propose, send what is proposed through the steps, and record what becomes of it."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.architecture import Architecture
from nas.search.budget import Budget
from nas.search.candidate import Candidate, Verdict, Waiting
from nas.search.choices import suggest
from nas.search.company import Alone, Company
from nas.search.ledger import Ledger
from nas.search.record import Record, read_record
from nas.search.recorder import Recorder
from nas.search.samplers import make_sampler, read
from nas.search.space import Space
from nas.search.steps import Step
from nas.search.trainer import Ended, Trainer

SECONDS_BETWEEN_LOOKS = 1.0  # at what other searches of the study do
REPEATS_BEFORE_RANDOM = 3
REPEATS_BEFORE_END = 200
MOST_WAITING = 8  # trials whose architecture is just being trained, before no more are proposed


@dataclass
class _UnderWay:
    """A trial that has begun: at which step it is, and the trial whose training it waits for."""

    trial: Trial
    sampler: BaseSampler
    candidate: Candidate
    started: float
    step: int = 0
    waits_for: int | None = None


@dataclass
class Search:
    """Explores `space` within `budget`, recording every trial in `study`.

    As many networks are trained at once as `trainer` can hold. Everything a search knows is
    in the study, so running one over a study that was cut short goes on where it stopped;
    trials that were under way are taken up again under their own numbers.
    """

    study: Study
    space: Space
    steps: Sequence[Step]
    recorder: Recorder
    budget: Budget
    trainer: Trainer
    sampler: str  # as experiments write it
    ledger: Ledger  # of the study's trials; the steps look into it too
    seed: int = 0
    company: Company = field(default_factory=Alone)
    _under_way: dict[int, _UnderWay] = field(init=False, default_factory=dict)

    def run(self) -> Iterator[Record]:
        """Yields each trial as it ends, the earlier ones first, until the budget is spent."""
        yield from self.ledger.records
        try:
            while True:
                while self._has_room():
                    yield from self._begin()
                if len(self._under_way) > len(self._waiting()):
                    yield from self._ended(self.trainer.wait())
                elif self._under_way or self._others():
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    yield from self._heard()
                else:
                    return
        finally:
            self.trainer.close()
            self.company.close()

    def _begin(self) -> list[Record]:
        """Begins a trial, knowing what other searches of the study do; the records of what has ended by then."""
        with self.company.turn():
            records = list(self._heard())
            if self._has_room():
                records += self._go_on(self._next())
        return records

    def _heard(self) -> Iterator[Record]:
        """Takes up what other searches of the study have begun and ended; yields what ended through that, too."""
        theirs = {t.user_attrs["architecture"]: t.number for t in self._theirs() if "architecture" in t.user_attrs}
        self.ledger.elsewhere = {Architecture.parse(text).digest: number for text, number in theirs.items()}
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.is_finished() and not self.ledger.has(trial.number):
                record = read_record(trial)
                self.ledger.add(record)
                yield record
                yield from self._go_on_after(trial.number, itself=False)  # this search may still be training it
        known = {*self._under_way, *self.ledger.elsewhere.values()}
        for number in {one.waits_for for one in self._under_way.values()} - known:  # its search has died
            yield from self._go_on_after(number)

    def _others(self) -> bool:
        """Whether other searches have trials under way, whose results belong to this one's."""
        with self.company.turn():
            return bool(self._theirs())

    def _theirs(self) -> list[FrozenTrial]:
        running = self._running()
        left = {trial.number for trial in self.company.left(running)}
        return [trial for trial in running if trial.number not in left]

    def _running(self) -> list[FrozenTrial]:
        """The trials under way that are not this search's, or not yet again."""
        trials = self.study.get_trials(deepcopy=False)
        return [t for t in trials if t.state == TrialState.RUNNING and t.number not in self._under_way]

    def _has_room(self) -> bool:
        """Whether another trial is to begin before one ends: one that was cut short whatever is spent, or a new one."""
        waiting = self._waiting()
        training = len(self._under_way) - len(waiting)
        if training >= self.trainer.capacity or len(waiting) >= MOST_WAITING:
            return False
        return not self._spent(training) or bool(self.company.left(self._running()))

    def _spent(self, training: int) -> bool:
        """Whether no new trial is to begin any more."""
        if self.budget.spent(len(self.ledger.digests), self.ledger.trained + training, self.ledger.seconds):
            return True
        trials = self.study.get_trials(deepcopy=False)
        if read(self.sampler).exhaustive:
            return self._all_tried(trials)
        return self._repeats(len(trials)) >= REPEATS_BEFORE_END

    def _all_tried(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether every combination of choices was proposed."""
        combinations = math.prod(map(len, self.space.choices.values()))
        if len(trials) < combinations:
            return False
        tried = {frozenset(t.params.items()) for t in trials if len(t.params) == len(self.space.choices)}
        return len(tried) >= combinations

    def _next(self) -> _UnderWay:
        """The first trial that was under way when the search was cut short, or a new one."""
        trials = self.study.get_trials(deepcopy=False)
        left = self.company.left(self._running())
        asked = [t.number for t in trials if t.state == TrialState.WAITING]
        number = left[0].number if left else min(asked, default=len(trials))
        sampler = self.study.sampler = self._sampler(number)
        started = time.monotonic()
        trial = Trial(self.study, left[0]._trial_id) if left else self.study.ask()
        self.company.hold(trial._trial_id)
        by_place = read(self.sampler).by_place(self.space.choices)
        architecture = self.space.build(suggest(trial, self.space.choices, by_place))
        return _UnderWay(trial, sampler, Candidate(trial.number, architecture), started)

    def _sampler(self, number: int) -> BaseSampler:
        """A sampler that keeps proposing what is known already is relieved by a random one where it has no end."""
        relieved = not read(self.sampler).exhaustive and self._repeats(number) >= REPEATS_BEFORE_RANDOM
        return make_sampler("random" if relieved else self.sampler, self.seed, number)

    def _go_on(self, one: _UnderWay) -> Iterator[Record]:
        """Sends a trial on through the steps; yields its record, and those that waited for it, where it ends."""
        said: Verdict | Waiting | None = None
        while one.step < len(self.steps) and (said := self.steps[one.step].take(one.candidate)) is None:
            one.step += 1
        if isinstance(said, Waiting):
            self._wait(one, said)
            return
        if said is None:
            raise RuntimeError("a line of steps that ends no trial")
        if not self.company.let_go(one.trial._trial_id):
            return
        started = one.started if said.duplicate_of is None else time.monotonic()  # waiting is no work
        record = self.recorder.end(one.trial, one.sampler, one.candidate, said, started)
        self.ledger.add(record)
        yield record

    def _wait(self, one: _UnderWay, said: Waiting) -> None:
        number, digest = one.candidate.number, one.candidate.architecture.digest
        one.waits_for = said.number
        self._under_way[number] = one
        if said.number == number:
            self.ledger.train(number, digest)
            self.recorder.keep(one.trial, one.candidate)

    def _ended(self, ended: Ended) -> Iterator[Record]:
        """Sends on the trial that was trained, and then those that waited for it."""
        self._under_way[ended.number].candidate.ended = ended
        yield from self._go_on_after(ended.number)

    def _go_on_after(self, number: int | None, itself: bool = True) -> Iterator[Record]:
        """Sends on the trials that waited for the training of trial `number`, and that trial `itself`."""
        waited = [one for one in self._under_way.values() if one.waits_for == number]
        for one in [one for one in waited if itself or one.candidate.number != number]:
            del self._under_way[one.candidate.number]
            yield from self._go_on(one)

    def _waiting(self) -> set[int]:
        """The trials that wait for another's training."""
        return {number for number, one in self._under_way.items() if one.waits_for != number}

    def _repeats(self, number: int) -> int:
        return self.ledger.repeats_before(number, self._waiting())
