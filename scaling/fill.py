"""What is left of a budget, filled by the members that deviate least from proportion.

Rounding makes a small network's members coarse: all three dimensions may have to take a
step at once, and the next member in proportion is a third larger. Between the two are
those with a dimension a step further, or a step back for a step of another.
"""

from itertools import product

from scaling.compound import Dimension, Phis
from scaling.tried import Fit, Tried

TRIED = 60  # members that one filling costs at most, beside those of single dimensions
LEVELS = 17  # of a dimension that are looked at, evenly apart where it has more
MARGIN = 0.06  # by how much the product of single dimensions' shares may be wrong


def fill(tried: Tried, start: Fit, dimensions: tuple[Dimension, ...], reach: float, enough: float) -> Fit:
    """The member within `reach` of `start` that uses `enough` of the budget and has the phis least apart.

    Where none uses enough, that which uses most of it; `start` where that is the one.
    """
    best = start
    for phis in _candidates(tried, start, dimensions, reach, enough)[:TRIED]:
        found = tried.at(phis)
        if best.used < found.used <= 1:
            best = found
        if best.used >= enough:
            break
    return best


def _candidates(tried: Tried, start: Fit, dimensions: tuple[Dimension, ...], reach: float, enough: float) -> list[Phis]:
    """Phis that should use `enough` and no more than all, the least apart first."""
    axes = [_axis(tried, start, dimension, reach) for dimension in dimensions]
    found = []
    for places in product(*axes):
        share, phis = start.used, start.phis
        for dimension, (phi, times) in zip(dimensions, places, strict=True):
            share, phis = share * times, phis.moved((dimension,), phi)
        if enough - MARGIN <= share <= 1 + MARGIN:
            found.append((apart(phis, dimensions), abs(share - 1), phis))
    return [phis for _, _, phis in sorted(found, key=lambda each: each[:2])]


def _axis(tried: Tried, start: Fit, dimension: Dimension, reach: float) -> list[tuple[float, float]]:
    """Each level of a dimension, and how many times as much as `start` it uses by itself."""
    levels = _thinned(sorted(tried.levels(start.phis, dimension, reach)), getattr(start.phis, dimension))
    return [(phi, tried.at(start.phis.moved((dimension,), phi)).used / start.used) for phi in levels]


def _thinned(levels: list[float], own: float) -> list[float]:
    """At most about `LEVELS` of them, evenly apart, with the start's own."""
    step = -(-len(levels) // LEVELS)
    return levels[levels.index(own) % step :: step]


def apart(phis: Phis, dimensions: tuple[Dimension, ...]) -> float:
    """How far the phis of these dimensions are from one."""
    values = [getattr(phis, dimension) for dimension in dimensions]
    return float(max(values) - min(values))
