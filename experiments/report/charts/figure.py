"""What all charts share: their look, and how they go into the page.

Colours are written as `var(--name)`: the page puts the value of that CSS property in
their place when it draws, so that a chart follows the page into its dark theme.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from plotly import graph_objects as graph_objects
from plotly.subplots import make_subplots

from experiments.report.numbers import tick_label

INK, FAINT, GRID, CARD = "var(--ink)", "var(--faint)", "var(--grid)", "var(--card)"
MAIN, FRONT, WINNER, LIMIT, SECOND = "var(--main)", "var(--front)", "var(--winner)", "var(--limit)", "var(--second)"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, monospace"
LOG_FROM = 5.0  # where the largest value is this many times the smallest, a linear axis presses most together
MOST_WHOLE = 12  # an axis of whole numbers this long has room for each of them


def make_figure(heights: Sequence[float], height: int, **subplots: Any) -> graph_objects.Figure:
    """An empty figure of `height` pixels; `heights` are the shares of its rows, which have one x axis in common."""
    figure = make_subplots(rows=len(heights), cols=1, row_heights=list(heights), shared_xaxes=True, **subplots)
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 12, "r": 12, "t": 12, "b": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS, "size": 12.5, "color": FAINT},
        hoverlabel={
            "bgcolor": CARD,
            "bordercolor": GRID,
            "align": "left",
            "font": {"family": MONO, "size": 11, "color": INK},
        },
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"color": INK}},
        hovermode="closest",
        dragmode=False,
        bargap=0.35,
    )
    axis = {"gridcolor": GRID, "linecolor": GRID, "zeroline": False, "automargin": True, "title_font_size": 12.5}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, title_standoff=8)
    return figure


def wants_log(values: Sequence[float]) -> bool:
    """Whether the values span so much that a linear axis would press most of them together."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= LOG_FROM


def log_axis(values: Sequence[float]) -> dict[str, Any]:
    """Settings of a logarithmic axis for positive values, with every tick written in full.

    Left to itself the library labels such an axis 2, 5, 1, 2, 5, which few can read.
    """
    first, last = floor(log10(min(values))), ceil(log10(max(values)))
    decades = log10(max(values) / min(values))
    steps = (1, 2, 3, 5, 7) if decades < 1.5 else (1, 2, 5) if decades < 4 else (1,)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [tick_label(tick) for tick in ticks]}


def whole_axis(numbers: Sequence[int]) -> dict[str, Any]:
    """Settings of an axis of whole numbers: no ticks between them."""
    return {"dtick": 1} if max(numbers) - min(numbers) <= MOST_WHOLE else {}


def lines(*parts: str) -> str:
    """Text for a hover label, one part a line. Escaped: a chart's text may hold markup."""
    return "<br>".join(escape(part, quote=False) for part in parts if part)
