"""Files made right for the Edge TPU compiler compute what they did before."""

import jax.numpy as jnp
import numpy as np
import pytest

from nas.export import tflite
from nas.export.grey import plain_convolutions
from nas.export.model import parse
from nas.export.run import LiteModel
from nas.export.versions import lower_versions
from tests.nas.export.networks import CLASSES, SIZE, Layers, calibration, noise, relu6, small_network, with_head


@pytest.fixture
def as_written(monkeypatch):
    """Conversion without the rewriting that is under test."""

    def write(function, channels=3):
        monkeypatch.setattr(tflite, "lower_versions", lambda data: data)
        monkeypatch.setattr(tflite, "plain_convolutions", lambda data: data)
        return tflite.convert(function, (1, SIZE, SIZE, channels), "int8", calibration(channels))

    return write


def ops(data):
    return [(operator.op, operator.version) for operator in parse(data, "test").main.operators]


def outputs(data, path, pixels):
    path.write_bytes(data)
    return LiteModel(path).predict(pixels)


def test_lower_versions_flat_dense_computes_the_same(as_written, tmp_path):
    weights = Layers(5).weights(16, CLASSES)
    before = as_written(with_head(relu6, head=lambda x: x.mean((1, 2)) @ weights))
    assert ("FULLY_CONNECTED", 5) in ops(before)
    after = lower_versions(before)
    assert [op for op in ops(after) if op[0] == "FULLY_CONNECTED"] == [("FULLY_CONNECTED", 4)]
    assert len(after) == len(before)
    pixels = noise(50)
    found = outputs(after, tmp_path / "after.tflite", pixels)
    assert found.std() > 0.01
    assert np.array_equal(found, outputs(before, tmp_path / "before.tflite", pixels))


def test_lower_versions_dense_that_keeps_dimensions_is_left_alone(as_written):
    weights = Layers(5).weights(16, 16)
    data = as_written(with_head(lambda x: relu6(jnp.einsum("bhwc,cd->bhwd", relu6(x), weights))))
    assert ("FULLY_CONNECTED", 5) in ops(data)
    assert lower_versions(data) == data


def test_lower_versions_accepted_file_is_left_alone(files):
    data = files["int8"].read_bytes()
    assert lower_versions(data) == data


def test_plain_convolutions_grey_stem_computes_the_same(as_written, tmp_path):
    before = as_written(small_network(channels=1), channels=1)
    assert ops(before)[0] == ("DEPTHWISE_CONV_2D", 3)
    after = plain_convolutions(before)
    assert ops(after)[0] == ("CONV_2D", 3)
    assert ops(after)[1:] == ops(before)[1:]
    pixels = noise(50, channels=1)
    found = outputs(after, tmp_path / "after.tflite", pixels)
    assert found.std() > 0.01
    assert np.array_equal(found, outputs(before, tmp_path / "before.tflite", pixels))


def test_plain_convolutions_other_files_are_left_alone(files):
    for path in files.values():
        assert plain_convolutions(path.read_bytes()) == path.read_bytes()
