"""The picture of benchmarks/search_replay.py: the best accuracy found against trainings, with bands, as SVG."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log2
from typing import NamedTuple

WIDTH, HEIGHT = 820, 480
LEFT, RIGHT, TOP, BOTTOM = 64, 220, 24, 56
COLOURS = (
    "#94a3b8", "#475569", "#2563eb", "#0ea5e9", "#16a34a", "#d97706",
    "#f59e0b", "#dc2626", "#7c3aed", "#a855f7", "#0891b2", "#be185d",
)  # fmt: skip
FIRST = 5  # the evaluation that the picture begins with; before it all strategies draw at random
TICKS = (5, 10, 20, 40, 80)
ROOM = 17  # pixels between the names of lines


class Line(NamedTuple):
    """A strategy: the mean best accuracy (0 to 1) after 1, 2, ... evaluations, and the band around each."""

    name: str
    means: Sequence[float]
    bands: Sequence[tuple[float, float]]


class _Axes:
    """From evaluations, in powers of two, and accuracy to places in the picture."""

    def __init__(self, lines: Sequence[Line], best: float):
        lowest = min(line.bands[FIRST - 1][0] for line in lines)
        self.last = max(len(line.means) for line in lines)
        self.bottom = floor(max(lowest, best - 0.08) * 100) / 100
        self.top = ceil((best + 0.002) * 200) / 200

    def x(self, evaluations: float) -> float:
        """Pixels from the left."""
        share = (log2(evaluations) - log2(FIRST)) / (log2(self.last) - log2(FIRST))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, accuracy: float) -> float:
        """Pixels from above."""
        share = (self.top - max(accuracy, self.bottom)) / (self.top - self.bottom)
        return TOP + share * (HEIGHT - TOP - BOTTOM)


def picture(lines: Sequence[Line], best: float) -> str:
    """The lines, and the best there is to be found as a dashed one."""
    axes = _Axes(lines, best)
    parts = _frame(axes, best)
    for line, colour in zip(lines, COLOURS, strict=False):
        parts += _band(axes, line, colour)
    for line, colour in zip(lines, COLOURS, strict=False):
        parts += _mean(axes, line, colour)
    parts += _names(axes, lines)
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    style = 'font-family="system-ui, sans-serif" font-size="13" fill="#334155"'
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _frame(axes: _Axes, best: float) -> list[str]:
    parts = []
    right, low = WIDTH - RIGHT, HEIGHT - BOTTOM
    for place in range(round(axes.bottom * 100), round(axes.top * 100) + 1):
        y = axes.y(place / 100)
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{place} %</text>')
    for tick in (t for t in TICKS if t <= axes.last):
        x = axes.x(tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{low}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{x:.1f}" y="{low + 20}" text-anchor="middle">{tick}</text>')
    y = axes.y(best)
    parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#334155" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">networks trained</text>')
    turned = f'transform="rotate(-90 16 {HEIGHT / 2})"'
    parts.append(f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" {turned}>best validation accuracy</text>')
    return parts


def _band(axes: _Axes, line: Line, colour: str) -> list[str]:
    places = range(FIRST, len(line.means) + 1)
    above = [f"{axes.x(n):.1f},{axes.y(line.bands[n - 1][1]):.1f}" for n in places]
    below = [f"{axes.x(n):.1f},{axes.y(line.bands[n - 1][0]):.1f}" for n in reversed(places)]
    return [f'<polygon points="{" ".join(above + below)}" fill="{colour}" fill-opacity="0.12"/>']


def _mean(axes: _Axes, line: Line, colour: str) -> list[str]:
    points = [f"{axes.x(n):.1f},{axes.y(line.means[n - 1]):.1f}" for n in range(FIRST, len(line.means) + 1)]
    return [f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>']


def _names(axes: _Axes, lines: Sequence[Line]) -> list[str]:
    """Beside the ends of the lines, the highest first, apart enough to be read."""
    parts, y = [], float(TOP - ROOM)
    ranked = sorted(zip(lines, COLOURS, strict=False), key=lambda pair: -pair[0].means[-1])
    for line, colour in ranked:
        end = axes.y(line.means[-1])
        y = max(y + ROOM, end)
        x = WIDTH - RIGHT
        parts.append(f'<line x1="{x}" x2="{x + 14}" y1="{end:.1f}" y2="{y:.1f}" stroke="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 4:.1f}" fill="{colour}">{escape(line.name)}</text>')
    return parts
