"""Which of many candidates are worth a look: those that no other beats on both counts."""

from collections.abc import Sequence
from math import isnan


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of the points that no other point dominates, the lowest second value first.

    The first value of a point is to be large (an accuracy), the second small (a latency).
    A point is dominated where another is at least as good in both values and better in one.
    Of equal points only the first is listed, so that copies do not crowd the front, and a
    point with a NaN is on no front. Along the result both values rise strictly.

    >>> pareto_front([(0.90, 2.0), (0.95, 3.0), (0.80, 2.5)])
    [0, 1]
    """
    comparable = [index for index, point in enumerate(points) if not any(map(isnan, point))]
    comparable.sort(key=lambda index: (points[index][1], -points[index][0], index))
    front: list[int] = []
    for index in comparable:
        if not front or points[index][0] > points[front[-1]][0]:
            front.append(index)
    return front


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether `one` is nowhere worse than `other` and somewhere better; all values are to be large.

    A point with a NaN dominates nothing, and is dominated by every point without one.
    """
    if any(map(isnan, one)):
        return False
    if any(map(isnan, other)):
        return True
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def non_dominated(points: Sequence[Sequence[float]]) -> list[int]:
    """The indices of the points, of any number of values, that no other dominates; all values are to be large.

    Of equal points only the first is listed, and a point with a NaN is on no front.

    >>> non_dominated([(0.90, -2.0, -10.0), (0.95, -3.0, -20.0), (0.80, -2.5, -30.0)])
    [0, 1]
    """
    # A point can only be dominated by one that stands before it here, so each is held against the front alone.
    order = sorted(
        (index for index, point in enumerate(points) if not any(map(isnan, point))),
        key=lambda index: ([-value for value in points[index]], index),
    )
    front: list[int] = []
    for index in order:
        point = tuple(points[index])
        if not any(dominates(points[kept], point) or tuple(points[kept]) == point for kept in front):
            front.append(index)
    return sorted(front)
