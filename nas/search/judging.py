"""Judges of trials under way: they keep what each epoch reached, and end what a rule of rungs gives up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study

from nas.search.candidate import Candidate
from nas.search.facts import Facts
from nas.search.objectives import Objective, oriented
from nas.search.quantities import SCORES
from nas.search.record import Record
from nas.search.rungs import Point, Rungs
from nas.search.trainer import Judge


@dataclass
class Judging:
    """Every epoch of every trial, by which the trials are compared.

    After an epoch only the accuracy is known: it stands for each accuracy that is an objective.
    """

    study: Study
    objectives: Sequence[Objective]
    rungs: Rungs | None = None
    stopped: dict[int, str] = field(default_factory=dict)  # why, by the trial's number
    _reached: dict[int, dict[int, Point]] = field(default_factory=dict)  # by epoch and number

    def take_up(self, records: Iterable[Record]) -> None:
        """Compares with trials of an earlier start too."""
        for record in records:
            if record.outcome != "duplicate":
                for epoch, accuracy in record.accuracies.items():
                    self._note(record.number, epoch, record.facts, accuracy)

    def judge(self, candidate: Candidate) -> Judge:
        """The judge of one trial, which may be asked about an epoch again."""
        trial = self.study.get_trials(deepcopy=False)[candidate.number]
        accuracies: dict[str, float] = dict(trial.user_attrs.get("accuracies", {}))

        def judge(epoch: int, accuracy: float) -> bool:
            if candidate.facts is None:
                raise RuntimeError("training before facts")
            accuracies[str(epoch)] = accuracy
            point = self._note(candidate.number, epoch, candidate.facts, accuracy)
            try:
                self._keep(trial._trial_id, epoch, point, accuracies)
            except UpdateFinishedTrialError:  # another search has taken it up, believing this one dead, and ended it
                return False
            reason = self._reason(epoch, candidate.number, point)
            if reason:
                self.stopped[candidate.number] = reason
            return not reason

        return judge

    def _reason(self, epoch: int, number: int, point: Point) -> str:
        if self.rungs is None:
            return ""
        others = {n: other for n, other in self._reached[epoch].items() if n != number}
        return self.rungs.stops(epoch, number, point, others)

    def _note(self, number: int, epoch: int, facts: Facts, accuracy: float) -> Point:
        point = oriented(self.objectives, facts, dict.fromkeys(SCORES, accuracy))
        self._reached.setdefault(epoch, {})[number] = point
        return point

    def _keep(self, trial_id: int, epoch: int, point: Point, accuracies: dict[str, float]) -> None:
        """In the study; by its storage, since a trial's own `report` refuses several objectives."""
        storage = self.study._storage
        storage.set_trial_user_attr(trial_id, "accuracies", accuracies)
        if len(self.objectives) == 1:
            value = point[0] if self.objectives[0].direction == "maximize" else -point[0]
            storage.set_trial_intermediate_value(trial_id, epoch, value)
        else:
            storage.set_trial_intermediate_value(trial_id, epoch, accuracies[str(epoch)])
