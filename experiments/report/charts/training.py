"""The winner's own training, epoch by epoch."""

from collections.abc import Sequence

from experiments.report.charts.figure import FRONT, MAIN, graph_objects, make_figure, whole_axis
from experiments.report.metrics import Epoch


def training_chart(history: Sequence[Epoch]) -> graph_objects.Figure | None:
    """Validation accuracy above, training loss below, or None where there is no history."""
    if not history:
        return None
    figure = make_figure([0.5, 0.5], height=400, vertical_spacing=0.08)
    accuracies = [epoch.validation_accuracy for epoch in history]
    losses = [epoch.train_loss for epoch in history]
    _draw(figure, 1, history, accuracies, FRONT, "epoch %{x}: %{y:.2%} validation accuracy")
    _draw(figure, 2, history, losses, MAIN, "epoch %{x}: training loss %{y:.4f}")
    figure.update_yaxes(title_text="Validation accuracy", tickformat=".3~p", row=1)
    figure.update_yaxes(title_text="Training loss", rangemode="tozero", row=2)
    figure.update_xaxes(**whole_axis([epoch.epoch for epoch in history]))
    figure.update_xaxes(title_text="Epoch", row=2)
    figure.update_layout(showlegend=False)
    return figure


def _draw(
    figure: graph_objects.Figure,
    row: int,
    history: Sequence[Epoch],
    heights: Sequence[float | None],
    colour: str,
    said: str,
) -> None:
    trace = graph_objects.Scatter(
        x=[epoch.epoch for epoch in history],
        y=heights,
        mode="lines+markers" if len(history) <= 60 else "lines",
        line={"color": colour, "width": 2},
        marker={"size": 5},
        hovertemplate=f"{said}<extra></extra>",
    )
    figure.add_trace(trace, row=row, col=1)
