"""`nas quantization`: a run's winner as int8 by several methods, and its layers."""

import csv

import numpy as np
import pytest

from experiments.export_source import Source, find_source
from experiments.layer_table import look_at_layers
from experiments.quantization_command import compare_methods
from experiments.stages.export import calibration_pictures
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.compare import ExportRow
from nas.export.quantization.method import Method
from nas.network import initialise
from nas.train import load_dataset
from nas.train.compiled import EVALUATION_BATCH
from nas.train.pictures import Pictures


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


def test_a_checkpoint_is_judged_by_the_test_split_of_its_run(tiny_run, tmp_path):
    said = compare_methods(str(tiny_run[0] / "checkpoints" / "winner"), [Method()], 100, tmp_path)
    assert (said["split"], said["pictures"]) == ("test", 100)
    assert said["accuracy"] is not None


def test_pictures_are_read_as_they_are_needed(tmp_path, monkeypatch):
    """There may be more of them than fit into memory."""
    architecture = Architecture.parse("input 12x12x1\nstem  conv k3 s2 c8\nhead  pool\nhead  dense c10")
    network, digits = initialise(architecture), load_dataset("digits")
    calibration = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 1), np.uint8)
    source = Source(network, architecture, calibration, 4, 0, dataset=digits)
    monkeypatch.setattr("experiments.quantization_command.find_source", lambda *_, **__: source)
    read, at_once = Pictures.__getitem__, []

    def noted(pictures, index):
        found = read(pictures, index)
        at_once.append(found.size // 144)
        return found

    monkeypatch.setattr(Pictures, "__getitem__", noted)
    assert compare_methods(str(tmp_path), [Method()], 300, tmp_path)["pictures"] == 300
    assert 1 <= max(at_once) <= EVALUATION_BATCH < 300


def test_a_network_without_weights_is_refused(tmp_path):
    (tmp_path / "fresh.arch").write_text("input 8x8x3\nhead  pool\nhead  dense c4\n")
    with pytest.raises(InputError, match=r"fresh\.arch: has no trained weights; expected the folder of a run"):
        compare_methods(str(tmp_path / "fresh.arch"), [Method()], 10, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="none: "):
        compare_methods(str(tmp_path / "none"), [Method()], 10, tmp_path / "out")


@pytest.mark.parametrize("method", ["max", "max+equal"])
def test_layers_are_looked_at_where_int8_loses_more_than_it_may(tiny_run, method):
    """The layers are those of the trained network, where equalization would have made others of them."""
    source = find_source(str(tiny_run[0]))
    calibration = calibration_pictures(source.pictures, 16, 0)
    files = {form: tiny_run[0] / f"model_{form}.tflite" for form in ("float32", "int8")}
    rows = [
        ExportRow(form, accuracy, 1, 0, 0, 0) for form, accuracy in (("flax", 0.9), ("float32", 0.9), ("int8", 0.88))
    ]

    def look(most):
        return look_at_layers(source.network, files, rows, calibration, Method.parse(method), most)

    assert look(0.03) == []
    found = look(0.01)
    assert len(found) > 3
    assert [layer.snr for layer in found] == sorted(layer.snr for layer in found)
    assert found[0].snr > 10
