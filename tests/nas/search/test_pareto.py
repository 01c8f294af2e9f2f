import random
from math import inf, nan

from nas.search.pareto import pareto_front


def test_front_keeps_what_no_other_point_beats() -> None:
    points = [(0.90, 2.0), (0.95, 3.0), (0.80, 2.5), (0.95, 4.0), (0.70, 1.0)]
    assert pareto_front(points) == [4, 0, 1]


def test_front_of_nothing_is_empty() -> None:
    assert pareto_front([]) == []


def test_front_of_one_point_is_that_point() -> None:
    assert pareto_front([(0.0, 0.0)]) == [0]


def test_front_lists_the_first_of_equal_points_only() -> None:
    assert pareto_front([(0.5, 2.0), (0.9, 1.0), (0.9, 1.0), (0.9, 1.0)]) == [1]


def test_front_of_points_equal_in_one_value_is_the_better_in_the_other() -> None:
    assert pareto_front([(0.8, 1.0), (0.9, 1.0)]) == [1]
    assert pareto_front([(0.9, 2.0), (0.9, 1.0)]) == [1]


def test_front_holds_no_point_with_a_nan() -> None:
    assert pareto_front([(nan, 1.0), (0.9, nan), (0.8, 2.0)]) == [2]
    assert pareto_front([(nan, nan)]) == []


def test_front_takes_infinities_as_numbers() -> None:
    assert pareto_front([(0.9, inf), (0.8, 1.0), (-inf, 0.5)]) == [2, 1, 0]


def test_front_agrees_with_its_definition_on_many_small_sets() -> None:
    source = random.Random(0)
    for _ in range(300):
        points = [(float(source.randrange(5)), float(source.randrange(5))) for _ in range(source.randrange(12))]
        front = pareto_front(points)
        assert {points[index] for index in front} == {p for p in points if not any(_beats(q, p) for q in points)}
        assert len(front) == len({points[index] for index in front})
        assert [points[index][1] for index in front] == sorted(points[index][1] for index in front)


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] >= other[0] and one[1] <= other[1]
