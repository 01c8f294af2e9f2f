"""A study's trials as plain records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.architecture import Architecture
from nas.search.facts import Facts

Outcome = Literal["trained", "infeasible", "duplicate", "failed", "pruned", "screened"]


@dataclass(frozen=True)
class Record:
    """What became of one trial.

    `accuracy` is on the validation split, 0 to 1, None where the training did not come to its
    end; `accuracies` is that after each epoch, counted from 1. `scores` are the accuracies by the
    names of objectives, `violations` what is beyond each limit, `zero_cost` scores of the
    untrained network; `seconds` is the time that the trial took.
    """

    number: int
    outcome: Outcome
    architecture: Architecture
    facts: Facts
    feasible: bool
    accuracy: float | None
    duplicate_of: int | None
    reason: str
    seconds: float
    scores: Mapping[str, float] = field(default_factory=dict)
    accuracies: Mapping[int, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    zero_cost: Mapping[str, float] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The architecture's digest."""
        return self.architecture.digest


def read_records(study: Study) -> list[Record]:
    """The finished trials of a study, by number."""
    return [read_record(trial) for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def read_record(trial: FrozenTrial) -> Record:
    """What became of a finished trial."""
    kept = trial.user_attrs
    accuracy = kept.get("accuracy")
    return Record(
        number=trial.number,
        outcome=kept["outcome"],
        architecture=Architecture.parse(kept["architecture"]),
        facts=Facts(kept["params"], kept["macs"], kept["latency_ms"], **kept.get("memory", {})),
        feasible=all(value <= 0 for value in trial.constraints.values()),
        accuracy=accuracy,
        duplicate_of=kept.get("duplicate_of"),
        reason=kept.get("reason", ""),
        seconds=kept.get("seconds", 0.0),
        scores=kept.get("scores", {} if accuracy is None else {"accuracy": accuracy}),
        accuracies={int(epoch): reached for epoch, reached in kept.get("accuracies", {}).items()},
        violations=trial.constraints,
        zero_cost=kept.get("zero_cost", {}),
    )
