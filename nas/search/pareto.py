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
