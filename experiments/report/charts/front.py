"""Accuracy over latency: one point a trained trial, the Pareto front, the limit, the winner."""

from collections.abc import Sequence
from math import log10

from experiments.report.charts.figure import (
    FAINT,
    FRONT,
    INK,
    LIMIT,
    MAIN,
    WINNER,
    graph_objects,
    log_axis,
    make_figure,
    wants_log,
)
from experiments.report.charts.trial import describe
from experiments.report.folder import Run
from experiments.report.numbers import plain
from experiments.report.trials import Trial
from nas.search.pareto import pareto_front


def front_trials(trials: Sequence[Trial]) -> list[Trial]:
    """The trained trials that none beats in both accuracy and latency, the fastest first."""
    placed = [(trial, point) for trial in trials if (point := trial.point)]
    return [placed[index][0] for index in pareto_front([point for _, point in placed])]


def front_chart(run: Run) -> graph_objects.Figure | None:
    """The chart, or None while no trial has a latency.

    Trials that were not trained have no accuracy: they stand in a strip of their own
    below, at their latency.
    """
    latencies = [trial.latency_ms for trial in run.trials if trial.latency_ms is not None]
    if not latencies:
        return None
    limit = run.setup.limit_ms
    log = wants_log([*latencies, limit] if limit else latencies)
    figure = make_figure([0.86, 0.14], height=480, vertical_spacing=0.03)
    _draw_trained(figure, run)
    _draw_not_trained(figure, run.trials)
    if limit:
        _draw_limit(figure, limit, log)
    figure.update_xaxes(**log_axis(latencies) if log else {})
    figure.update_xaxes(title_text=f"Latency, ms ({run.evidence})", row=2)
    figure.update_yaxes(title_text="Validation accuracy", tickformat=".3~p", row=1)
    figure.update_yaxes(tickvals=[0], ticktext=["not trained"], range=[-1, 1], fixedrange=True, row=2)
    return figure


def _draw_trained(figure: graph_objects.Figure, run: Run) -> None:
    trained = [trial for trial in run.trials if trial.point]
    winner = [trial for trial in trained if run.winner and trial.number == run.winner.trial]
    early = [trial for trial in run.trials if trial.state == "pruned" and trial.accuracies]
    _draw(figure, trained, "trained", 1, mode="markers", marker={"size": 9, "color": MAIN, "opacity": 0.75})
    hollow = {"size": 8, "symbol": "triangle-down-open", "color": MAIN, "line": {"width": 1.5}}
    _draw(figure, early, "ended early", 1, mode="markers", marker=hollow)
    _draw_front(figure, run)
    star = {"size": 19, "symbol": "star", "color": WINNER, "line": {"color": INK, "width": 1}}
    _draw(figure, winner, "winner", 1, mode="markers", marker=star)


def _draw_front(figure: graph_objects.Figure, run: Run) -> None:
    """As a step between accuracy and latency; where other objectives count too, as points alone."""
    marker = {"size": 9, "color": FRONT}
    if run.front:
        numbers = {member.number for member in run.front.members}
        members = [trial for trial in run.trials if trial.number in numbers and trial.point]
        _draw(figure, members, "Pareto front", 1, mode="markers", marker=marker)
        return
    step = {"color": FRONT, "width": 2, "shape": "hv"}
    _draw(figure, front_trials(run.trials), "Pareto front", 1, mode="lines+markers", line=step, marker=marker)


def _draw_not_trained(figure: graph_objects.Figure, trials: Sequence[Trial]) -> None:
    stroke = {"size": 16, "symbol": "line-ns-open", "color": FAINT, "line": {"width": 1.5}}
    cross = {"size": 8, "symbol": "x-thin-open", "color": LIMIT, "line": {"width": 1.5}}
    diamond = {"size": 8, "symbol": "diamond-open", "color": FAINT, "line": {"width": 1.5}}
    for state, marker in (("infeasible", stroke), ("failed", cross), ("screened", diamond)):
        _draw(figure, [trial for trial in trials if trial.state == state], state, 2, mode="markers", marker=marker)


def _draw(figure: graph_objects.Figure, trials: Sequence[Trial], name: str, row: int, **look: object) -> None:
    """One trace. In the strip below, where a trial has no accuracy, it stands at height 0."""
    placed = [trial for trial in trials if trial.latency_ms is not None]
    if not placed:
        return
    latencies = [trial.latency_ms for trial in placed]
    heights = [_height(trial) if row == 1 else 0 for trial in placed]
    said = [describe(trial) for trial in placed]
    trace = graph_objects.Scatter(
        x=latencies, y=heights, name=name, hovertext=said, hoverinfo="text", cliponaxis=False, **look
    )
    figure.add_trace(trace, row=row, col=1)


def _height(trial: Trial) -> float | None:
    """The accuracy, or the last of a training that was ended early."""
    return trial.accuracies[-1] if trial.state == "pruned" else trial.accuracy


def _draw_limit(figure: graph_objects.Figure, limit: float, log: bool) -> None:
    line = {"color": LIMIT, "width": 1.5, "dash": "dash"}
    figure.add_shape(type="line", xref="x", yref="paper", x0=limit, x1=limit, y0=0, y1=1, line=line)
    figure.add_annotation(
        text=f"limit {plain(limit)} ms",
        x=log10(limit) if log else limit,  # annotations, unlike shapes, want the logarithm
        xref="x",
        y=0.19,
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        xshift=4,
        showarrow=False,
        font={"color": LIMIT},
    )
