"""Calibration pictures: their range, and what is refused."""

import numpy as np
import pytest

from nas.errors import InputError
from nas.export.calibration import calibration_pictures

SHAPE = (1, 4, 4, 3)


def picture(low=-0.5, high=0.5):
    return np.linspace(low, high, 48, dtype=np.float32).reshape(SHAPE)


def test_calibration_range_becomes_exactly_one_to_one():
    given = picture()
    pictures = calibration_pictures([given, picture()], SHAPE)
    assert min(each.min() for each in pictures) == -1
    assert max(each.max() for each in pictures) == 1
    assert np.count_nonzero(pictures[0] != given) == 2
    assert given.min() == -0.5, "the caller's picture is left alone"


def test_calibration_of_full_range_is_left_alone():
    given = [picture(-1, 0), picture(0, 1)]
    pictures = calibration_pictures(iter(given), SHAPE)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, given, strict=True))


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (None, "found no pictures"),
        ([], "found no pictures"),
        ([np.full(SHAPE, 0.5, np.float32)] * 3, "all 3 pictures are of one colour"),
        ([picture(), picture()[0]], r"picture 1 has shape \[4, 4, 3\]; expected \[1, 4, 4, 3\]"),
        ([np.zeros(SHAPE, np.uint8)], "picture 0 is of uint8"),
        ([picture(), picture(high=np.nan)], "picture 1 holds values that are not finite"),
        ([picture(0, 255)], "reaches from 0 to 255"),
    ],
)
def test_calibration_unfit_pictures_are_refused(pictures, message):
    with pytest.raises(InputError, match=message):
        calibration_pictures(pictures, SHAPE)
