"""The picture of benchmarks/scaling_dimensions.py: accuracy against MACs, a line for each way of scaling, as SVG."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log2
from statistics import mean
from typing import NamedTuple

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 24, 56
COLOURS = ("#2563eb", "#16a34a", "#d97706", "#dc2626", "#7c3aed", "#0891b2")
BASELINE = "baseline"
ROOM = 18  # pixels between the names of lines


class Point(NamedTuple):
    """What a way of scaling came to at one cost; accuracies are shares, one for each seed."""

    scheme: str
    macs: float
    accuracies: Sequence[float]


class _Axes:
    """From MACs, in powers of two, and accuracy to places in the picture."""

    def __init__(self, points: Sequence[Point]):
        macs = [log2(point.macs) for point in points]
        scores = [score for point in points for score in point.accuracies]
        self.low, self.high = min(macs) - 0.15, max(macs) + 0.15
        self.bottom, self.top = floor(min(scores) * 50) / 50, ceil(max(scores) * 50) / 50

    def x(self, macs: float) -> float:
        """Pixels from the left."""
        return LEFT + (log2(macs) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, score: float) -> float:
        """Pixels from above."""
        return TOP + (self.top - score) / (self.top - self.bottom) * (HEIGHT - TOP - BOTTOM)


def picture(points: Sequence[Point]) -> str:
    """The points as lines that all begin at the baseline; small marks are single seeds."""
    axes = _Axes(points)
    first = next(point for point in points if point.scheme == BASELINE)
    schemes = dict.fromkeys(point.scheme for point in points if point.scheme != BASELINE)
    lines = {
        scheme: [first, *sorted((p for p in points if p.scheme == scheme), key=lambda p: p.macs)] for scheme in schemes
    }
    parts = [*_frame(axes, first.macs)]
    parts += [
        part for (_, line), colour in zip(lines.items(), COLOURS, strict=False) for part in _line(axes, line, colour)
    ]
    parts += _names(axes, lines)
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    style = 'font-family="system-ui, sans-serif" font-size="13" fill="#334155"'
    body = "\n".join(parts)
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{background}\n{body}\n</svg>\n'


def _frame(axes: _Axes, unit: float) -> list[str]:
    """Lines for each two per cent, and for one, two, four and eight times the baseline."""
    parts = []
    count = round((axes.top - axes.bottom) * 50)
    step = 2 if count > 8 else 1
    for place in range(0, count + 1, step):
        score = axes.bottom + place / 50
        y = axes.y(score)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{score:.0%}</text>')
    for times in (1, 2, 4, 8):
        x = axes.x(times * unit)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e2e8f0"/>')
        label = f"{times * unit / 1e6:.3g} M"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{label}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">multiply-accumulates</text>')
    turned = f'transform="rotate(-90 16 {HEIGHT / 2})"'
    parts.append(f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" {turned}>test accuracy</text>')
    return parts


def _line(axes: _Axes, line: Sequence[Point], colour: str) -> list[str]:
    places = [(axes.x(point.macs), axes.y(mean(point.accuracies))) for point in line]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
    for point in line:
        for score in point.accuracies:
            place = f'cx="{axes.x(point.macs):.1f}" cy="{axes.y(score):.1f}"'
            parts.append(f'<circle {place} r="2" fill="{colour}" fill-opacity="0.45"/>')
    return parts


def _names(axes: _Axes, lines: dict[str, list[Point]]) -> list[str]:
    """Each line's name beside its end, moved down where it would touch the one above."""
    ends = {
        scheme: (axes.y(mean(line[-1].accuracies)), colour)
        for (scheme, line), colour in zip(lines.items(), COLOURS, strict=False)
    }
    parts, above = [], 0.0
    for scheme, (y, colour) in sorted(ends.items(), key=lambda item: item[1][0]):
        above = max(y, above + ROOM)
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{above + 4:.1f}" fill="{colour}">{escape(scheme)}</text>')
    return parts
