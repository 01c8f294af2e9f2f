"""Where the winner's time goes: one bar a block."""

from collections.abc import Sequence

from experiments.report.charts.figure import CARD, FAINT, MAIN, graph_objects, lines, make_figure
from experiments.report.metrics import Stage
from experiments.report.numbers import count, digits, milliseconds, shape, short


def stages_chart(stages: Sequence[Stage], evidence: str = "estimate") -> graph_objects.Figure | None:
    """The chart, from the input at the top to the head, or None where no block has a latency."""
    timed = [stage for stage in stages if stage.latency_ms is not None]
    if not timed:
        return None
    places = list(range(len(timed)))
    figure = make_figure([1.0], height=90 + 27 * len(timed))
    bars = graph_objects.Bar(
        x=[stage.latency_ms for stage in timed],
        y=places,
        orientation="h",
        marker={"color": MAIN},
        text=[digits(stage.latency_ms) for stage in timed],
        textposition="auto",  # at the bar's end: beside it, or inside where there is no room beside it
        insidetextanchor="end",
        insidetextfont={"color": CARD},
        outsidetextfont={"color": FAINT},
        cliponaxis=False,
        hovertext=[_describe(stage, evidence) for stage in timed],
        hoverinfo="text",
    )
    figure.add_trace(bars, row=1, col=1)
    names = [lines(stage.name) for stage in timed]
    figure.update_yaxes(tickvals=places, ticktext=names, range=[len(timed) - 0.4, -0.6], showgrid=False)
    figure.update_xaxes(title_text=f"Latency, ms ({evidence})")
    return figure


def _describe(stage: Stage, evidence: str) -> str:
    return lines(
        f"{stage.name}: {stage.kind} {stage.options}",
        f"{shape(stage.in_shape)} to {shape(stage.out_shape)}",
        f"{milliseconds(stage.latency_ms)} ({evidence})",
        f"{count(stage.params)} parameters, {short(stage.macs)} MACs",
    )
