from collections.abc import Callable
from math import inf, nan

import pytest

from experiments.report import numbers

DASH, SPACE, MINUS = "\u2013", "\u00a0", "\u2212"


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (numbers.percent, 0.98611, "98.61 %"),
        (numbers.percent, 0.0, "0.00 %"),
        (numbers.percent, 1.0, "100.00 %"),
        (numbers.points, -0.00277, MINUS + "0.28"),
        (numbers.points, 0.005, "+0.50"),
        (numbers.points, -0.00001, "+0.00"),
        (numbers.count, 5_288_548, "5,288,548"),
        (numbers.short, 5_288_548, "5.29 M"),
        (numbers.short, 386_000_000, "386 M"),
        (numbers.short, 1_180_000_000, "1.18 G"),
        (numbers.short, 890, "890"),
        (numbers.tick_label, 50e6, "50 M"),
        (numbers.tick_label, 0.2, "0.2"),
        (numbers.digits, 0.012345, "0.0123"),
        (numbers.digits, 0.3, "0.300"),
        (numbers.digits, 12.345, "12.3"),
        (numbers.digits, 1234.5, "1,230"),
        (numbers.digits, 0, "0"),
        (numbers.digits, -2, MINUS + "2.00"),
        (numbers.plain, 0.4, "0.4"),
        (numbers.plain, 2.0, "2"),
        (numbers.tiny, 4.84e-7, "4.8e-07"),
        (numbers.tiny, 0.0, "0"),
        (numbers.milliseconds, 0.3124, "0.312 ms"),
        (numbers.size, 38_512, "38.5 kB"),
        (numbers.size, 21_300_000, "21.3 MB"),
        (numbers.duration, 4.21, "4.2 s"),
        (numbers.duration, 131.4, "2 min 11 s"),
        (numbers.duration, 3600, "1 h 0 min"),
        (numbers.duration, 7501, "2 h 5 min"),
    ],
)
def test_numbers_read_as_expected(write: Callable[[float], str], value: float, expected: str) -> None:
    assert write(value).replace(SPACE, " ") == expected


def test_numbers_keep_their_unit_on_the_same_line() -> None:
    assert numbers.percent(0.5) == "50.00\u00a0%"
    assert numbers.milliseconds(0.5) == "0.500\u00a0ms"


@pytest.mark.parametrize("value", [None, nan, inf, -inf])
@pytest.mark.parametrize("name", ["percent", "points", "count", "short", "digits", "plain", "tiny", "size", "duration"])
def test_numbers_that_are_not_known_are_dashes(name: str, value: float | None) -> None:
    assert getattr(numbers, name)(value) == DASH


def test_shape_joins_its_sides() -> None:
    assert numbers.shape((16, 16, 24)) == "16\u00d716\u00d724"
    assert numbers.shape(()) == DASH
