"""What int8 loses layer by layer: one bar a layer, the worst first."""

from collections.abc import Sequence

from experiments.report.charts.figure import CARD, FAINT, LIMIT, MAIN, graph_objects, lines, make_figure
from experiments.report.layers import Layer
from experiments.report.numbers import DASH

SHOWN = 20


def layers_chart(layers: Sequence[Layer]) -> graph_objects.Figure | None:
    """Signal over error of the worst layers, in decibels, or None where no table was written.

    Layers that something is known to help stand out from those that are good enough.
    """
    worst = list(layers[:SHOWN])
    if not worst:
        return None
    figure = make_figure([1.0], height=90 + 27 * len(worst))
    for number, (name, colour) in enumerate((("could be helped", LIMIT), ("good enough", MAIN))):
        bars = [(place, layer) for place, layer in enumerate(worst) if bool(layer.helps) == (number == 0)]
        if bars:
            figure.add_trace(_bars(name, colour, bars), row=1, col=1)
    names = [lines(layer.short) for layer in worst]
    places = list(range(len(worst)))
    figure.update_yaxes(tickvals=places, ticktext=names, range=[len(worst) - 0.4, -0.6], showgrid=False)
    figure.update_xaxes(title_text="Signal over error, dB (less is worse)", rangemode="tozero")
    figure.update_layout(barmode="overlay", showlegend=True)
    return figure


def _bars(name: str, colour: str, bars: Sequence[tuple[int, Layer]]) -> graph_objects.Bar:
    return graph_objects.Bar(
        name=name,
        x=[layer.snr for _, layer in bars],
        y=[place for place, _ in bars],
        orientation="h",
        marker={"color": colour},
        text=[f"{layer.snr:.1f}" for _, layer in bars],
        textposition="auto",
        insidetextanchor="end",
        insidetextfont={"color": CARD},
        outsidetextfont={"color": FAINT},
        cliponaxis=False,
        hovertext=[_describe(layer) for _, layer in bars],
        hoverinfo="text",
    )


def _describe(layer: Layer) -> str:
    weights = DASH if layer.weights_snr is None else f"{layer.weights_snr:.1f} dB"
    return lines(
        layer.short,
        layer.name[:80],
        f"{layer.snr:.1f} dB, {layer.lost:.1f} dB less than what it reads; weights alone {weights}",
        layer.helps,
    )
