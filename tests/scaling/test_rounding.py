import pytest

from scaling.rounding import round_depth, round_resolution, round_width


@pytest.mark.parametrize(
    ("width", "expected"),
    [(32 * 1.1, 32), (16 * 1.1, 16), (320 * 1.1, 352), (24 * 1.2, 32), (16 * 1.2, 24), (12, 16), (3, 8), (1280, 1280)],
)
def test_round_width_is_the_published_rule(width: float, expected: int) -> None:
    assert round_width(width) == expected


def test_round_width_never_loses_more_than_a_tenth() -> None:
    assert all(round_width(width) >= 0.9 * width for width in range(1, 500))


def test_round_width_loses_more_where_that_is_allowed() -> None:
    assert (round_width(19.2), round_width(19.2, least=0)) == (24, 16)


@pytest.mark.parametrize(("divisor", "expected"), [(1, 10), (4, 12), (8, 16)])
def test_round_width_takes_the_divisor(divisor: int, expected: int) -> None:
    assert round_width(9.6, divisor) == expected


@pytest.mark.parametrize(("repeats", "factor", "up", "nearest"), [(3, 1.1, 4, 3), (5, 2.2, 11, 11), (1, 0.2, 1, 1)])
def test_round_depth_up_and_to_the_nearest(repeats: int, factor: float, up: int, nearest: int) -> None:
    assert (round_depth(repeats, factor), round_depth(repeats, factor, "nearest")) == (up, nearest)


def test_round_depth_ignores_floating_point_dust() -> None:
    assert 100 * 1.1 > 110
    assert round_depth(100, 1.1) == 110


@pytest.mark.parametrize(
    ("pixels", "multiple", "expected"), [(34.3, 2, 34), (35, 2, 36), (0.4, 2, 2), (257.6, 32, 256)]
)
def test_round_resolution_to_a_multiple(pixels: float, multiple: int, expected: int) -> None:
    assert round_resolution(pixels, multiple) == expected
