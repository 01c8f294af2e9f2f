"""A study's trials as plain records, and as a table that anyone can open."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.architecture import Architecture
from nas.files import write_text
from nas.search.facts import Facts

Outcome = Literal["trained", "infeasible", "duplicate", "failed"]

COLUMNS = (
    "number",
    "state",
    "digest",
    "validation_accuracy",
    "latency_ms",
    "device",
    "evidence",
    "latencies",
    "params",
    "macs",
    "duplicate_of",
    "reason",
    "seconds",
    "architecture",
)


@dataclass(frozen=True)
class Record:
    """What became of one trial.

    `accuracy` is on the validation split, 0 to 1, None where nothing was trained;
    `feasible` says whether it met every limit; `seconds` is the time it took.
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

    @property
    def digest(self) -> str:
        """The architecture's digest."""
        return self.architecture.digest


def read_records(study: Study) -> list[Record]:
    """The finished trials of a study, by number."""
    return [_record(trial) for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def best(records: Iterable[Record]) -> Record | None:
    """The most accurate feasible trained record; of equals the faster, then the earlier."""
    trained = [r for r in records if r.outcome == "trained" and r.feasible and r.accuracy is not None]
    return min(
        trained, key=lambda r: (-(r.accuracy or 0), max(r.facts.latency_ms.values(), default=0), r.number), default=None
    )


def write_trials(path: Path, records: Sequence[Record], evidence: Mapping[str, str]) -> None:
    """Writes trials.csv: one row a trial.

    `evidence` says what the milliseconds of each device are; the first has columns of its own,
    and `latencies` tells those of all.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(record, evidence) for record in records)
    write_text(path, text.getvalue())


def _row(record: Record, evidence: Mapping[str, str]) -> dict[str, object]:
    device = next(iter(evidence), "")
    latencies = record.facts.latency_ms
    milliseconds = latencies.get(device)
    return {
        "number": record.number,
        "state": record.outcome,
        "digest": record.digest,
        "validation_accuracy": "" if record.accuracy is None else f"{record.accuracy:.6f}",
        "latency_ms": "" if milliseconds is None else f"{milliseconds:.6f}",
        "device": device,
        "evidence": evidence.get(device, ""),
        "latencies": "; ".join(
            f"{name} {latencies[name]:.6f} ms {evidence[name]}" for name in evidence if name in latencies
        ),
        "params": record.facts.params,
        "macs": record.facts.macs,
        "duplicate_of": "" if record.duplicate_of is None else record.duplicate_of,
        "reason": record.reason,
        "seconds": f"{record.seconds:.2f}",
        "architecture": "; ".join(record.architecture.text.splitlines()),
    }


def _record(trial: FrozenTrial) -> Record:
    kept = trial.user_attrs
    return Record(
        number=trial.number,
        outcome=kept["outcome"],
        architecture=Architecture.parse(kept["architecture"]),
        facts=Facts(kept["params"], kept["macs"], kept["latency_ms"]),
        feasible=all(value <= 0 for value in trial.constraints.values()),
        accuracy=kept.get("accuracy"),
        duplicate_of=kept.get("duplicate_of"),
        reason=kept.get("reason", ""),
        seconds=kept.get("seconds", 0.0),
    )
