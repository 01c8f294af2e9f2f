"""Pictures of another size or number of colours, and the memory that making them takes."""

import tracemalloc

import numpy as np
import pytest

from nas.resizing import AT_ONCE, resize, resize_one, with_channels


def coloured(count, side):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.parametrize("shape", [(2 * AT_ONCE + 3, 5, 4, 3), (AT_ONCE, 3, 3, 3), (40, 30, 3)])
def test_brightness_is_that_of_itu_r_bt_601(shape):
    pictures = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    wide = pictures.astype(int)
    brightness = (299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000
    grey = with_channels(pictures, 1)
    assert grey.dtype == np.uint8
    assert np.array_equal(grey, brightness[..., None])


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_pictures_are_resized_one_like_the_other(fit):
    pictures = coloured(5, 9)[:, :7]
    resized = resize(pictures, 4, fit)
    assert resized.dtype == np.uint8
    assert np.array_equal(resized, np.stack([resize_one(picture, 4, fit) for picture in pictures]))


@pytest.mark.parametrize("change", [lambda pictures: with_channels(pictures, 1), lambda pictures: resize(pictures, 28)])
def test_memory_is_that_of_the_result(change):
    pictures = coloured(600, 32)
    change(pictures[:1])  # what is imported once
    tracemalloc.start()
    try:
        result = change(pictures)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * result.nbytes
