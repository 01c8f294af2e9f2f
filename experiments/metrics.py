"""metrics.json: everything that a run found, in one file."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments.context import Context
from nas.files import write_text
from nas.search.record import Outcome

PACKAGES = ("edgescale", "jax", "flax", "optax", "optuna", "numpy", "ai-edge-litert")
OUTCOMES: tuple[Outcome, ...] = ("trained", "infeasible", "duplicate", "failed", "pruned", "screened")


def write_metrics(
    context: Context,
    winner: dict[str, Any],
    family: dict[str, Any],
    exported: dict[str, Any],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Writes metrics.json, the last file but the report, and returns what is in it."""
    experiment, dataset = context.experiment, context.dataset
    accuracies = {row["format"]: row["accuracy"] for row in exported["rows"]}
    metrics = {
        "experiment": experiment.name,
        "seed": experiment.seed,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"cores": os.cpu_count(), "processor": processor(), "platform": platform.platform()},
        "seconds": seconds,
        "data": {
            "dataset": dataset.name,
            **{split: len(getattr(dataset, split).labels) for split in ("train", "validation", "test")},
            "classes": list(dataset.classes),
        },
        "search": _search(context),
        "winner": winner,
        "family": family["members"],
        "not_scaled": family.get("not_scaled", ""),  # an earlier version left none out
        "export": exported,
        "test_accuracy": winner["test_accuracy"],
        "int8_accuracy": accuracies.get("int8"),
        "latency_ms": winner["latency_ms"].get(context.device.name),
    }
    write_text(context.path("metrics.json"), json.dumps(metrics, indent=1, allow_nan=False))
    return metrics


def _search(context: Context) -> dict[str, Any]:
    from experiments.study import records_of

    records = records_of(context)
    settings = context.experiment.search
    return {
        "sampler": settings.sampler,
        "device": context.device.name,
        "evidence": context.device.evidence,
        "limit_ms": context.limits.get(context.device.name),
        "limits": context.bounds.most,
        "objectives": [objective.name for objective in context.objectives],
        "trials": len(records),
        "architectures": len({record.digest for record in records}),
        **{outcome: sum(record.outcome == outcome for record in records) for outcome in OUTCOMES},
    }


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
