"""Running files: pixels in, logits out, and what cannot be run."""

import time

import numpy as np
import pytest

from nas.errors import InputError
from nas.export.model import read
from nas.export.run import LiteModel, interleaved_latency
from tests.nas.export.networks import CLASSES, SIZE, noise


@pytest.mark.parametrize("format", ["float32", "float16", "int8"])
def test_lite_model_facts(files, format):
    model = LiteModel(files[format])
    assert model.size == (SIZE, SIZE, 3)
    assert model.classes == CLASSES
    assert model.bytes == files[format].stat().st_size
    assert model.labels == [f"class {number}" for number in range(CLASSES)]
    assert not model.probabilities


def test_lite_model_int8_pixel_is_shifted_by_128(files):
    model = LiteModel(files["int8"], trusted=True)
    assert np.array_equal(model._table, np.arange(-128, 128))


@pytest.mark.parametrize("ends", ["uint8", "int8", "float32"])
def test_lite_model_of_tensorflow_agrees_for_every_type_of_ends(tensorflow_file, ends):
    weights = np.random.default_rng(0).normal(scale=0.3, size=(8, 8, 3, 5)).astype(np.float32)

    def network(tf, x):
        return tf.reshape(tf.nn.conv2d(x, weights, 1, "VALID"), [1, 5])

    model = LiteModel(tensorflow_file("ends", network, (1, 8, 8, 3), ends=ends), trusted=True)
    pixels = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    expected = np.einsum("nhwc,hwcd->nd", pixels / 127.5 - 1, weights)
    assert np.abs(model.predict(pixels) - expected).max() < 0.15
    assert np.abs(expected).max() > 2


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0)])
def test_lite_model_input_range_of_quantized_file_is_followed(tensorflow_file, low, high):
    def means(tf, x):
        return tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 3])

    path = tensorflow_file("range", means, (1, 8, 8, 3), low=low, high=high)
    pixels = np.full((1, 8, 8, 3), 51, np.uint8)
    assert LiteModel(path, trusted=True).predict(pixels) == pytest.approx(low + (high - low) * 0.2, abs=0.01 * high)


def test_lite_model_ends_in_probabilities(tensorflow_file):
    path = tensorflow_file(
        "softmax", lambda tf, x: tf.nn.softmax(tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 3])), (1, 8, 8, 3)
    )
    model = LiteModel(path, trusted=True)
    assert model.probabilities
    assert model.predict(np.zeros((1, 8, 8, 3), np.uint8)).sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, SIZE, SIZE, 1), np.uint8),
        np.zeros((2, SIZE, SIZE + 1, 3), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((2, SIZE, SIZE, 3), np.float32),
    ],
)
def test_predict_pictures_of_another_size_or_type_are_refused(files, pixels):
    with pytest.raises(InputError, match=r"takes uint8 pictures of shape \[N, 16, 16, 3\]; found"):
        LiteModel(files["int8"], trusted=True).predict(pixels)


def test_predict_no_pictures_gives_no_rows(files):
    assert LiteModel(files["int8"], trusted=True).predict(noise(1)[:0]).shape == (0, CLASSES)


def test_lite_model_of_two_inputs_is_refused(tensorflow_file):
    path = tensorflow_file("two", lambda tf, x, y: tf.add(x, y), (1, 8, 8, 3), (1, 8, 8, 3))
    with pytest.raises(InputError, match="has 2 inputs and 1 outputs; expected an image classifier"):
        LiteModel(path)


def test_lite_model_of_no_pictures_is_refused(tensorflow_file):
    with pytest.raises(InputError, match=r"its input has shape \[1, 8\]"):
        LiteModel(tensorflow_file("flat", lambda tf, x: tf.nn.relu6(x), (1, 8)))


def test_lite_model_of_pictures_to_pictures_is_refused(tensorflow_file):
    with pytest.raises(InputError, match=r"its output has shape \[1, 8, 8, 3\]; expected one number per class"):
        LiteModel(tensorflow_file("picture", lambda tf, x: tf.nn.relu6(x), (1, 8, 8, 3)))


def test_lite_model_truncated_file_is_refused(files, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(files["int8"].read_bytes()[:5000])
    with pytest.raises(InputError, match=r"cut\.tflite: is damaged or cut short"):
        LiteModel(path)


def test_lite_model_that_ends_the_process_is_refused(files, tmp_path):
    """The runtime of LiteRT 2.3 aborts on a reshape that claims to be a split."""
    data = bytearray(files["float32"].read_bytes())
    model = read(files["float32"])
    reshape = next(operator for operator in model.main.operators if operator.op == "RESHAPE")
    code = model.codes[reshape.code]
    for slot in (0, 3):
        place = code.find(slot)
        if place is not None:
            data[place] = 49  # SPLIT
    path = tmp_path / "hostile.tflite"
    path.write_bytes(data)
    assert "SPLIT" in {operator.op for operator in read(path).main.operators}
    with pytest.raises(InputError, match=r"hostile\.tflite: cannot be run: it ends the process"):
        LiteModel(path)


@pytest.mark.parametrize("threads", [0, 257, 99_999])
def test_lite_model_of_more_threads_than_the_runtime_survives_is_refused(files, threads):
    with pytest.raises(InputError, match=f"threads is {threads}; expected 1 to 256"):
        LiteModel(files["int8"], trusted=True, threads=threads)


def test_interleaved_latency_is_the_median_of_each():
    calls = []

    def slow():
        calls.append("slow")
        time.sleep(0.004)

    latency = interleaved_latency({"slow": slow, "fast": lambda: calls.append("fast")}, runs=5, warm_up=1)
    assert calls == ["slow", "fast"] + ["slow", "fast"] * 5
    assert 4 <= latency["slow"] < 100
    assert latency["fast"] < 1


def test_interleaved_latency_of_files(files):
    models = {name: LiteModel(path, trusted=True) for name, path in files.items()}
    latency = interleaved_latency({name: model.invoke for name, model in models.items()}, runs=5)
    assert set(latency) == set(files)
    assert all(0 < milliseconds < 100 for milliseconds in latency.values())
