"""What a file's input is given for a pixel: by its metadata, by who runs it, by what it can hold."""

import math

import numpy as np
import pytest

from nas.errors import InputError
from nas.export.card import Card
from nas.export.metadata import described
from nas.export.run import LiteModel

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # ImageNet's, as many files from elsewhere have them
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
WHOLE = (PIXELS - np.array(MEAN)) / np.array(STD)


@pytest.fixture(scope="module")
def means(tensorflow_file):
    """Files by TensorFlow that give back what they read, the mean over the picture: float, and int8 for -2.12..2.64."""

    def function(tf, x):
        return tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 3])

    return {
        "float32": tensorflow_file("means", function, (1, 8, 8, 3), quantize=False).read_bytes(),
        "int8": tensorflow_file("means", function, (1, 8, 8, 3), low=-2.12, high=2.64).read_bytes(),
        "usual": tensorflow_file("means", function, (1, 8, 8, 3)).read_bytes(),
    }


@pytest.fixture
def read(means, tmp_path):
    """What a file reads of `PIXELS`, the mean over each picture, (N, 3)."""

    def run(form, card, **options):
        path = tmp_path / "model.tflite"
        path.write_bytes(described(means[form], card) if card else means[form])
        return LiteModel(path, trusted=True, **options).predict(PIXELS)

    return run


def card(mean, std):
    return Card(mean=mean, std=std)


@pytest.mark.parametrize("form", ["float32", "int8"])
def test_metadata_say_what_each_colour_is_normalised_to(read, form):
    found = read(form, card(MEAN, STD))
    assert np.abs(found - WHOLE.mean((1, 2))).max() < (1e-5 if form == "float32" else 0.02)


@pytest.mark.parametrize(("mean", "std", "low", "high"), [(0, 255, 0, 1), (0, 1, 0, 255), (127.5, 127.5, -1, 1)])
def test_metadata_of_one_number_are_for_all_colours(read, mean, std, low, high):
    found = read("float32", card((mean,), (std,)))
    assert found == pytest.approx(low + (high - low) * PIXELS.mean((1, 2)) / 255, rel=1e-4, abs=1e-5)


def test_what_is_given_goes_before_metadata_and_these_before_a_guess(read):
    found = read("float32", card(MEAN, STD), reads=(0.0, 1.0))
    assert found == pytest.approx(PIXELS.mean((1, 2)) / 255, abs=1e-5)
    assert np.array_equal(read("float32", card((), ())), read("float32", None))


@pytest.mark.parametrize(("mean", "std"), [((0.0,), (1.0,)), ((0.0,), (255.0,)), ((500.0,), (1.0,))])
def test_metadata_that_a_quantized_input_cannot_hold_are_not_followed(read, mean, std):
    """Many quantized files say mean 0 and std 1: their makers normalise nothing, and give the pixels as they are."""
    assert np.array_equal(read("usual", card(mean, std)), read("usual", None))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((127.5,), (0.0,)),
        ((127.5,), (-1.0,)),
        ((math.nan,), (1.0,)),
        ((0.0,), (math.nan,)),
        ((math.inf,), (1.0,)),
        ((0.0,), (math.inf,)),
        ((0.0,), (1e-40,)),
        ((0.0,), ()),
        ((0.0, 0.0), (1.0, 1.0)),
        ((0.0,) * 1000, (1.0,) * 1000),
    ],
)
def test_metadata_that_normalise_nothing_are_refused_in_one_line(read, mean, std):
    with pytest.raises(InputError, match=r"model\.tflite: its metadata normalises pixels by mean") as caught:
        read("float32", card(mean, std))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert read("float32", card(mean, std), reads=(-1.0, 1.0)).shape == (4, 3)
