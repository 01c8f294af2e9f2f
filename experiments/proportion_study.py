"""The Optuna study of a search for proportions: one trial for each, in order."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import optuna
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import Trial, TrialState
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import InputError
from nas.search.trainer import Ended, Trainer
from scaling import Proportion

STUDY = "study.db"
LOW, HIGH = 1.0, 4.0  # what coefficients may be


class ProportionStudy:
    """Everything that a search has found lies in the folder's study: a start that was cut short is taken up."""

    def __init__(self, folder: Path, name: str):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        file = folder / STUDY
        try:
            self._storage = RDBStorage(URL.create("sqlite", database=str(file)).render_as_string())
            self.study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize",
                sampler=RandomSampler(0),
                load_if_exists=True,
            )
        except SQLAlchemyError as error:
            raise InputError(f"{file}: cannot be read as a study; expected what this search wrote") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def ended(self) -> dict[int, Ended]:
        """What became of the proportions that have been tried, by number."""
        return {
            trial.number: Ended(trial.number, trial.value, trial.user_attrs.get("reason", ""))
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state.is_finished()
        }

    def run(self, found: Sequence[Proportion], trainer: Trainer) -> Iterator[tuple[int, Ended]]:
        """Yields each proportion's number as it ends, earlier starts' first; trains as many at once as may be."""
        before = self.ended()
        yield from before.items()
        left = deque(number for number in range(len(found)) if number not in before)
        under_way: dict[int, Trial] = {}
        while left or under_way:
            while left and len(under_way) < trainer.capacity:
                number = left.popleft()
                under_way[number] = self._trial(number, found[number])
                trainer.start(number, found[number].member, lambda _epoch, _accuracy: True)
            ended = trainer.wait()
            self._tell(under_way.pop(ended.number), ended)
            yield ended.number, ended

    def _trial(self, number: int, one: Proportion) -> Trial:
        """The trial of that number: new, or begun before."""
        trials = self.study.get_trials(deepcopy=False)
        if number < len(trials) and trials[number].state == TrialState.RUNNING:
            return Trial(self.study, trials[number]._trial_id)
        values = asdict(one.coefficients)
        if number == len(trials):
            self.study.enqueue_trial(values, user_attrs={"architecture": one.member.text, "times": one.times})
        trial = self.study.ask()
        for name in values:
            trial.suggest_float(name, LOW, HIGH)
        return trial

    def _tell(self, trial: Trial, ended: Ended) -> None:
        if ended.accuracy is None:
            trial.set_user_attr("reason", ended.reason)
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, ended.accuracy)
