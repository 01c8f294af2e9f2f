"""The trials of a search, as `trials.csv` lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from experiments.report.metrics import Tally
from experiments.tables import read_table
from nas.errors import InputError, unknown

STATES = ("trained", "infeasible", "duplicate", "failed", "pruned", "screened")
COLUMNS = ("number", "state", "validation_accuracy", "latency_ms", "params", "macs", "duplicate_of", "reason")


@dataclass(frozen=True)
class Trial:
    """One line of the file. `accuracy` is in 0..1 on the validation split, `latency_ms` is of `device`."""

    number: int
    state: str
    digest: str = ""
    accuracy: float | None = None
    latency_ms: float | None = None
    device: str = ""
    evidence: str = ""
    params: int | None = None
    macs: int | None = None
    duplicate_of: int | None = None
    reason: str = ""
    architecture: tuple[str, ...] = ()  # the lines of its text form
    accuracies: tuple[float, ...] = ()  # after each epoch

    @property
    def point(self) -> tuple[float, float] | None:
        """(accuracy, latency in ms) of a trained trial; None for any other."""
        if self.state != "trained" or self.accuracy is None or self.latency_ms is None:
            return None
        return self.accuracy, self.latency_ms


def read_trials(path: Path) -> tuple[Trial, ...]:
    """Reads `trials.csv`, in the order of the trials' numbers.

    Raises `InputError` naming the line where the file is not what a run writes.
    """
    table = read_table(path, COLUMNS, "the trials.csv of a run")
    trials = [_trial(row, where) for where, row in table.rows]
    return tuple(sorted(trials, key=lambda trial: trial.number))


def tally(trials: Sequence[Trial]) -> Tally:
    """How many trials there are in each state, counted."""
    states = [trial.state for trial in trials]
    counts = {state: states.count(state) for state in STATES}
    distinct = len({trial.digest or trial.architecture for trial in trials})
    return Tally(trials=len(trials), architectures=distinct, **counts)


def best_so_far(trials: Sequence[Trial]) -> list[tuple[int, float]]:
    """The trials that beat all before them, as (number, accuracy)."""
    best: list[tuple[int, float]] = []
    for trial in trials:
        if trial.state != "trained" or trial.accuracy is None:
            continue
        if not best or trial.accuracy > best[-1][1]:
            best.append((trial.number, trial.accuracy))
    return best


def _trial(row: dict[str, str], where: str) -> Trial:
    if row["state"] not in STATES:
        raise InputError(f"{where}: {unknown('state', row['state'], STATES)}")
    number = _number(row, "number", where)
    if number is None:
        raise InputError(f"{where}: has no number; expected the number of a trial")
    return Trial(
        number=int(number),
        state=row["state"],
        digest=row.get("digest", ""),
        accuracy=_number(row, "validation_accuracy", where),
        latency_ms=_number(row, "latency_ms", where),
        device=row.get("device", ""),
        evidence=row.get("evidence", ""),
        params=_whole(row, "params", where),
        macs=_whole(row, "macs", where),
        duplicate_of=_whole(row, "duplicate_of", where),
        reason=row["reason"],
        architecture=tuple(line for line in row.get("architecture", "").split("; ") if line),
        accuracies=_numbers(row.get("accuracies", ""), where),
    )


def _number(row: dict[str, str], column: str, where: str) -> float | None:
    text = row[column].strip()
    try:
        value = float(text) if text else None
    except ValueError as error:
        raise InputError(f"{where}: {column} is '{text}'; expected a number, or nothing") from error
    return value if value is not None and isfinite(value) else None


def _numbers(text: str, where: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, text.split()))
    except ValueError as error:
        raise InputError(f"{where}: accuracies is '{text[:40]}'; expected numbers with spaces between") from error


def _whole(row: dict[str, str], column: str, where: str) -> int | None:
    value = _number(row, column, where)
    return None if value is None else int(value)
