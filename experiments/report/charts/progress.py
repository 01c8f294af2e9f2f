"""The search, trial by trial: what each reached, the best so far, and what became of the others."""

from collections.abc import Sequence

from experiments.report.charts.figure import (
    FAINT,
    FRONT,
    INK,
    LIMIT,
    MAIN,
    SECOND,
    WINNER,
    graph_objects,
    make_figure,
    whole_axis,
)
from experiments.report.charts.trial import describe
from experiments.report.folder import Run
from experiments.report.trials import Trial, best_so_far

OTHERS = {
    "failed": {"size": 8, "symbol": "x-thin-open", "color": LIMIT, "line": {"width": 1.5}},
    "pruned": {"size": 8, "symbol": "triangle-down-open", "color": MAIN, "line": {"width": 1.5}},
    "screened": {"size": 8, "symbol": "diamond-open", "color": FAINT, "line": {"width": 1.5}},
    "duplicate": {"size": 8, "symbol": "circle-open", "color": SECOND, "line": {"width": 1.5}},
    "infeasible": {"size": 11, "symbol": "line-ns-open", "color": FAINT, "line": {"width": 1.5}},
}


def progress_chart(run: Run) -> graph_objects.Figure | None:
    """The chart, or None while there are no trials. Trials without a training of their own stand in rows below."""
    if not run.trials:
        return None
    present = [state for state in OTHERS if any(trial.state == state for trial in run.trials)]
    figure = make_figure([0.76, 0.24], height=400, vertical_spacing=0.05)
    _draw_trained(figure, run)
    for place, state in enumerate(present):
        others = [trial for trial in run.trials if trial.state == state]
        _draw(figure, others, state, 2, [place] * len(others), OTHERS[state])
    figure.update_xaxes(**whole_axis([trial.number for trial in run.trials]))
    figure.update_xaxes(title_text="Trial", row=2)
    figure.update_yaxes(title_text="Validation accuracy", tickformat=".3~p", row=1)
    rows = {"tickvals": list(range(len(present))), "ticktext": present, "range": [-0.7, len(present) - 0.3]}
    figure.update_yaxes(**rows, fixedrange=True, row=2)
    return figure


def _draw_trained(figure: graph_objects.Figure, run: Run) -> None:
    trained = [trial for trial in run.trials if trial.state == "trained" and trial.accuracy is not None]
    best = best_so_far(run.trials)
    if not best:
        return
    steps = [*best, (run.trials[-1].number, best[-1][1])]
    numbers, heights = zip(*steps, strict=True)
    line = {"color": FRONT, "width": 2, "shape": "hv"}
    path = graph_objects.Scatter(x=numbers, y=heights, name="best so far", mode="lines", line=line, hoverinfo="skip")
    figure.add_trace(path, row=1, col=1)
    _draw(figure, trained, "trained", 1, [trial.accuracy for trial in trained], {"size": 8, "color": MAIN})
    winner = [trial for trial in trained if run.winner and trial.number == run.winner.trial]
    star = {"size": 17, "symbol": "star", "color": WINNER, "line": {"color": INK, "width": 1}}
    _draw(figure, winner, "winner", 1, [trial.accuracy for trial in winner], star)


def _draw(
    figure: graph_objects.Figure,
    trials: Sequence[Trial],
    name: str,
    row: int,
    heights: Sequence[float | None],
    marker: dict[str, object],
) -> None:
    if trials:
        figure.add_trace(
            graph_objects.Scatter(
                x=[trial.number for trial in trials],
                y=heights,
                name=name,
                mode="markers",
                marker=marker,
                hovertext=[describe(trial) for trial in trials],
                hoverinfo="text",
                showlegend=row == 1,  # the rows below are named on their axis
                cliponaxis=False,
            ),
            row=row,
            col=1,
        )
