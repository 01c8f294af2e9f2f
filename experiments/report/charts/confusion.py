"""Which classes are taken for which."""

from collections.abc import Sequence

from experiments.report.charts.figure import CARD, FRONT, graph_objects, lines, make_figure
from experiments.report.metrics import Evaluation
from experiments.report.numbers import count, percent

MOST = 100  # classes whose names and squares can still be made out
FEW = 15  # classes whose squares have room for a number
_SIDE = 34  # pixels of a square, where there are few


def confusion_chart(evaluation: Evaluation | None) -> graph_objects.Figure | None:
    """A square for every true class (down) and answer (across), or None where there are too many or none."""
    if evaluation is None or not 0 < len(evaluation.confusion) <= MOST:
        return None
    names = [each.name for each in evaluation.classes]
    figure = make_figure([1], height=min(720, max(260, 120 + _SIDE * len(names))))
    figure.add_trace(_squares(names, evaluation.confusion))
    # As text: numbers would be an axis on which absent classes leave gaps.
    figure.update_xaxes(title_text="Answer", type="category", showgrid=False)
    figure.update_yaxes(title_text="Class", type="category", autorange="reversed", showgrid=False)
    return figure


def _squares(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> graph_objects.Heatmap:
    shares = [[number / max(1, sum(row)) for number in row] for row in confusion]
    said = [
        [
            lines(f"{name} taken for {other}", f"{count(number)} of {count(sum(row))} pictures, {percent(share)}")
            for other, number, share in zip(names, row, ratios, strict=True)
        ]
        for name, row, ratios in zip(names, confusion, shares, strict=True)
    ]
    return graph_objects.Heatmap(
        x=[lines(name) for name in names],
        y=[lines(name) for name in names],
        z=shares,
        zmin=0,
        zmax=1,
        colorscale=[[0, CARD], [1, FRONT]],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
        text=[[count(number) if number else "" for number in row] for row in confusion],
        texttemplate="%{text}" if len(names) <= FEW else None,
        textfont={"size": 11},
    )
