"""What a chart says of a trial under the pointer."""

from experiments.report.charts.figure import lines
from experiments.report.numbers import count, milliseconds, percent, short
from experiments.report.trials import Trial


def describe(trial: Trial) -> str:
    """Number, accuracy or why there is none, latency, size and architecture; a line each, escaped."""
    outcome = f"{percent(trial.accuracy)} validation accuracy" if trial.state == "trained" else trial.state
    if trial.duplicate_of is not None:
        outcome = f"duplicate of trial {trial.duplicate_of}"
    evidence = trial.evidence or "estimate"
    latency = f"{milliseconds(trial.latency_ms)} ({evidence})" if trial.latency_ms is not None else ""
    cost = f"{count(trial.params)} parameters, {short(trial.macs)} MACs" if trial.params is not None else ""
    if trial.state == "pruned" and trial.accuracies:
        outcome = f"ended early at {percent(trial.accuracies[-1])} after epoch {len(trial.accuracies)}"
    untrained = trial.state in ("infeasible", "screened") and trial.reason
    reason = f"Not trained: {trial.reason}" if untrained else trial.reason
    return lines(f"Trial {trial.number}: {outcome}", reason, latency, cost, *trial.architecture)
