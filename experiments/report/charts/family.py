"""The family of the winner: accuracy, MACs and latency of each member."""

from collections.abc import Sequence

from experiments.report.charts.figure import (
    FAINT,
    FRONT,
    MAIN,
    SECOND,
    graph_objects,
    lines,
    log_axis,
    make_figure,
    wants_log,
)
from experiments.report.metrics import Member
from experiments.report.numbers import milliseconds, percent, short


def family_chart(family: Sequence[Member], evidence: str = "estimate") -> graph_objects.Figure | None:
    """Three rows over the members' names, or None where there are none. Only trained members have an accuracy."""
    family = [member for member in family if not member.scaled_by]
    if not family:
        return None
    figure = make_figure([0.36, 0.32, 0.32], height=560, vertical_spacing=0.06)
    said = [_describe(member, evidence) for member in family]
    _draw(figure, 1, said, [member.test_accuracy for member in family], FRONT)
    _draw(figure, 2, said, [member.macs for member in family], MAIN)
    _draw(figure, 3, said, [member.latency_ms for member in family], SECOND)
    _mark_untrained(figure, family)
    figure.update_yaxes(title_text="Test accuracy", tickformat=".4~p", row=1)
    figure.update_yaxes(title_text="MACs", row=2)
    figure.update_yaxes(title_text=f"Latency, ms ({evidence})", row=3)
    names = {"tickvals": list(range(len(family))), "ticktext": [lines(member.name) for member in family]}
    figure.update_xaxes(**names, range=[-0.5, len(family) - 0.5])
    figure.update_layout(showlegend=False)
    return figure


def _draw(
    figure: graph_objects.Figure, row: int, said: Sequence[str], heights: Sequence[float | None], colour: str
) -> None:
    trace = graph_objects.Scatter(
        x=list(range(len(heights))),
        y=heights,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 9},
        hovertext=said,
        hoverinfo="text",
        cliponaxis=False,
    )
    figure.add_trace(trace, row=row, col=1)
    known = [height for height in heights if height is not None]
    if wants_log(known):
        figure.update_yaxes(**log_axis(known), row=row)


def _mark_untrained(figure: graph_objects.Figure, family: Sequence[Member]) -> None:
    for place, member in enumerate(family):
        if member.test_accuracy is None:
            middle = {"x": place, "xref": "x", "y": 0.5, "yref": "y domain"}
            figure.add_annotation(
                **middle, text="not trained", textangle=-90, showarrow=False, font={"color": FAINT, "size": 11}
            )


def _describe(member: Member, evidence: str) -> str:
    accuracy = f"{percent(member.test_accuracy)} test accuracy" if member.test_accuracy is not None else "not trained"
    size = f"{member.resolution} pixels" if member.resolution is not None else ""
    cost = f"{short(member.params)} parameters, {short(member.macs)} MACs"
    return lines(f"{member.name}: {accuracy}", size, cost, f"{milliseconds(member.latency_ms)} ({evidence})")
