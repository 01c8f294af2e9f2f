"""`nas qat`: a run's winner trained on as its int8 file computes."""

import json
import shutil

import pytest

from experiments.cli import run
from experiments.export_source import find_source
from experiments.imported import write_network
from experiments.qat_command import rounded_training
from nas.architecture import Architecture
from nas.export.model import read
from nas.export.quantization.grid import steps_made
from nas.network import initialise


def said(capsys, *arguments):
    """What a command prints with --json."""
    assert run([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(capsys, *arguments):
    """The one line of a command that is refused."""
    assert run([*map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    return line


@pytest.fixture(scope="module")
def trained(tiny_run, tmp_path_factory):
    """The folder of a quantization-aware training, and its command."""
    out = tmp_path_factory.mktemp("qat") / "winner-int8"
    command = ("qat", tiny_run[0], "--epochs", 1, "--batch-size", 32, "--out", out)
    assert run([*map(str, command)]) == 0
    return out, command


def test_the_file_is_the_rounded_network(trained, capsys):
    out, command = trained
    before = (out / "model_int8.tflite").read_bytes()
    found = said(capsys, *command)  # everything is there already
    assert found["int8"]["pictures"] == 360
    assert found["int8"]["agreement"] > 0.9
    assert found["int8"]["closeness"]["steps"] <= 2
    assert found["int8"]["closeness"]["equal"] > 0.97
    assert found["epochs"] == 1
    assert (out / "model_int8.tflite").read_bytes() == before


def test_its_folder_is_exported_with_its_steps(trained, tmp_path, capsys):
    out, _ = trained
    found = said(capsys, "export", out, "--format", "uint8", "--out", tmp_path / "model.tflite")
    assert "calibration" not in found
    grid = find_source(str(out)).grid
    assert steps_made(read(tmp_path / "model.tflite").main) == grid.made
    refused = complaint(capsys, "export", out, "--quantization", "mse", "--out", tmp_path / "other.tflite")
    assert "--quantization: found mse; expected none" in refused
    assert not (tmp_path / "other.tflite").exists()


@pytest.mark.parametrize("source", ["theirs", "theirs/checkpoints"])
@pytest.mark.parametrize(("folder", "known"), [("theirs", True), ("", False)])
def test_pictures_are_those_of_the_folder_alone(tiny_yaml, tmp_path, source, folder, known):
    """An experiment in the folder that a network's lies in is another's."""
    architecture = Architecture.parse("input 8x8x1\nstem  conv k3 s2 c8\nhead  pool\nhead  dense c10")
    write_network(tmp_path / "theirs", "theirs", initialise(architecture), architecture)
    shutil.copy(tiny_yaml, tmp_path / folder / "experiment.yaml")
    assert (("data", "dataset") in rounded_training(tmp_path / source)) == known


def test_other_settings_and_sources_are_refused(trained, tmp_path, capsys):
    _, command = trained
    assert "belongs to a different training" in complaint(capsys, *command, "--ranges", "max")
    assert "none: does not exist" in complaint(capsys, "qat", tmp_path / "none")
    arguments = ("train", command[1], "--set", "rounding=mse", "--out", tmp_path / "out")
    assert "rounding: found no --init" in complaint(capsys, *arguments)
    assert "recipe.dropout" in complaint(capsys, *command[:2], "--set", "recipe.dropout=2", "--out", tmp_path / "out")
    assert "rounding" in complaint(capsys, *command[:2], "--set", "rounding=mean", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
