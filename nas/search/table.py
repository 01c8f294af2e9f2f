"""Trials as tables that anyone can open."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.files import write_text
from nas.search.objectives import Objective
from nas.search.record import Record

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
    "bytes",
    "peak_memory",
    "accuracies",
    "scores",
    "zero_cost",
)


def write_trials(path: Path, records: Sequence[Record], evidence: Mapping[str, str]) -> None:
    """Writes trials.csv: one row a trial.

    `evidence` says what the milliseconds of each device are; the first has columns of its own,
    and `latencies` tells those of all. `accuracies` are those after each epoch, by a space.
    """
    _write(path, COLUMNS, [_row(record, evidence) for record in records])


def write_front(path: Path, records: Sequence[Record], objectives: Sequence[Objective]) -> None:
    """Writes front.csv: the records in their order, with the value of each objective in a column of its name."""
    names = [objective.name for objective in objectives]
    rows = [
        {
            "number": record.number,
            "digest": record.digest,
            **{one.name: f"{one.value(record.facts, record.scores):.10g}" for one in objectives},
            "architecture": _text(record),
        }
        for record in records
    ]
    _write(path, ("number", "digest", *names, "architecture"), rows)


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
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
        "architecture": _text(record),
        "bytes": record.facts.bytes,
        "peak_memory": record.facts.peak_memory,
        "accuracies": " ".join(f"{record.accuracies[epoch]:.6f}" for epoch in sorted(record.accuracies)),
        "scores": _named(record.scores),
        "zero_cost": _named(record.zero_cost),
    }


def _named(values: Mapping[str, float]) -> str:
    return "; ".join(f"{name} {value:.6g}" for name, value in values.items())


def _text(record: Record) -> str:
    return "; ".join(record.architecture.text.splitlines())
