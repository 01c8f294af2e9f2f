"""`nas quantization`: a run's winner as int8 by several methods, and its layers."""

import csv

import pytest

from experiments.quantization_command import compare_methods
from nas.errors import InputError
from nas.export.quantization.method import Method


def test_methods_are_compared_and_layers_written(tiny_run, tmp_path):
    methods = [Method.parse(text) for text in ("max", "mse+bias")]
    said = compare_methods(str(tiny_run[0]), methods, 100, tmp_path)
    assert (said["split"], said["pictures"]) == ("test", 100)
    assert said["calibration"] == {"pictures": 16, "seed": 0}
    assert [row["method"] for row in said["methods"]] == ["max", "mse+bias"]
    assert all(0 <= row["accuracy"] <= 1 and row["agreement"] > 0.5 for row in said["methods"])
    assert {path.name for path in tmp_path.iterdir()} == {
        *("layers.csv", "model_int8_max.tflite", "model_int8_mse+bias.tflite")
    }
    rows = list(csv.DictReader((tmp_path / "layers.csv").read_text().splitlines()))
    assert [float(row["snr"]) for row in rows] == sorted(float(row["snr"]) for row in rows)
    assert len(rows) == len(said["layers"]) > 3


def test_a_network_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="none: "):
        compare_methods(str(tmp_path / "none"), [Method()], 10, tmp_path / "out")
