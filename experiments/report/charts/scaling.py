"""What scaling buys: accuracy against MACs and against latency, of members and of single dimensions."""

from collections.abc import Sequence

from experiments.report.charts.figure import (
    FRONT,
    LIMIT,
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

LOOKS = {
    "": ("compound", FRONT, "circle"),
    "width": ("width alone", MAIN, "square"),
    "depth": ("depth alone", SECOND, "diamond"),
    "resolution": ("resolution alone", LIMIT, "triangle-up"),
}


def scaling_chart(family: Sequence[Member], evidence: str = "estimate") -> graph_objects.Figure | None:
    """Two rows, by MACs and by latency, or None where fewer than two members have an accuracy.

    Lines of single dimensions begin where the family does.
    """
    trained = [member for member in family if member.test_accuracy is not None and member.macs]
    if sum(not member.scaled_by for member in trained) < 2:
        return None
    figure = make_figure([0.5, 0.5], height=560, vertical_spacing=0.16)
    figure.update_xaxes(matches=None, showticklabels=True)
    baseline = min((member for member in trained if not member.scaled_by), key=lambda member: member.macs or 0)
    for scheme, look in LOOKS.items():
        line = [member for member in trained if member.scaled_by == scheme]
        line = sorted([baseline, *line] if scheme else line, key=lambda member: member.macs or 0)
        if len(line) > 1:
            _draw(figure, 1, line, [member.macs for member in line], look, evidence)
            _draw(figure, 2, line, [member.latency_ms for member in line], look, evidence)
    _label(figure, 1, "MACs", [member.macs for member in trained])
    _label(figure, 2, f"Latency, ms ({evidence})", [member.latency_ms for member in trained])
    figure.update_yaxes(title_text="Test accuracy", tickformat=".4~p")
    return figure


def _draw(
    figure: graph_objects.Figure,
    row: int,
    line: Sequence[Member],
    places: Sequence[float | None],
    look: tuple[str, str, str],
    evidence: str,
) -> None:
    name, colour, symbol = look
    trace = graph_objects.Scatter(
        x=list(places),
        y=[member.test_accuracy for member in line],
        mode="lines+markers",
        name=name,
        legendgroup=name,
        showlegend=row == 1,
        line={"color": colour, "width": 2},
        marker={"size": 9, "symbol": symbol},
        hovertext=[_describe(member, evidence) for member in line],
        hoverinfo="text",
        cliponaxis=False,
    )
    figure.add_trace(trace, row=row, col=1)


def _label(figure: graph_objects.Figure, row: int, title: str, values: Sequence[float | None]) -> None:
    known = [value for value in values if value is not None]
    figure.update_xaxes(title_text=title, row=row, **(log_axis(known) if wants_log(known) else {}))


def _describe(member: Member, evidence: str) -> str:
    cost = f"{short(member.params)} parameters, {short(member.macs)} MACs"
    latency = f"{milliseconds(member.latency_ms)} ({evidence})"
    return lines(f"{member.name}: {percent(member.test_accuracy)} test accuracy", cost, latency)
