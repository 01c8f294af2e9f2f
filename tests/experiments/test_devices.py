"""Devices of an experiment: measured ones are asked once for each network, and stay what they were."""

import csv
import json

import pytest
import yaml

from experiments.cli import run
from experiments.devices import MeasuredDevice, keep_device_files, open_devices
from experiments.measurements import Measurements
from experiments.schema import load_experiment
from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from tests.experiments.conftest import TINY
from tests.experiments.test_calibration import Board

NETWORK = Architecture.parse("input 8x8x1\nstem conv k3 s2 c8\nhead pool\nhead dense c10")
COMMAND = {
    "format": 1, "name": "board", "kind": "command", "title": "Board", "evidence": "measured",
    "command": "sh -c 'echo . >> {here}/runs; echo 1.5 ms' {model}",
}  # fmt: skip


@pytest.fixture
def board(tmp_path):
    """A device file whose command leaves a line in `runs` for each measurement."""
    file = tmp_path / "board.json"
    file.write_text(json.dumps(COMMAND))
    return file


def experiment(tmp_path, **limits):
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    return load_experiment(file, [f"search.limits={json.dumps(limits)}"])


def test_measured_device_measures_a_network_once(tmp_path):
    board, said = Board(), []
    device = MeasuredDevice(board, tmp_path, Measurements(tmp_path / "board.csv", "board", "int8"), said.append)
    latency = device.latency(trace(NETWORK))
    assert (latency.ms, latency.parts, latency.layers, latency.evidence) == (2.0, {"measured": 2.0}, (), "measured")
    again = MeasuredDevice(board, tmp_path, Measurements(tmp_path / "board.csv", "board", "int8"))
    assert device.latency(trace(NETWORK)) == again.latency(trace(NETWORK)) == latency
    assert len(board.asked) == 1
    assert said == [f"board: 2 ms measured of {NETWORK.digest}"]


def test_open_devices_by_name_and_file_with_their_limits(tmp_path, board):
    limits = {str(board): 3.0, f"max(edgetpu-usb, edgetpu-pcie, {board})": 2.0, "edgetpu-pcie": 1.0}
    opened = open_devices(experiment(tmp_path, **limits), tmp_path / "run")
    assert [(device.name, device.evidence, limit) for device, limit, _ in opened] == [
        ("board", "measured", 2.0),
        ("edgetpu-usb", "estimate", 2.0),
        ("edgetpu-pcie", "estimate", 1.0),
    ]
    assert not (tmp_path / "run").exists()


def test_open_devices_refuses_two_of_one_name(tmp_path, board):
    (tmp_path / "other.json").write_text(board.read_text())
    limits = experiment(tmp_path, **{str(board): 3.0, str(tmp_path / "other.json"): 2.0})
    with pytest.raises(InputError, match=r"search\.limits.*: is a second device of the name 'board'"):
        open_devices(limits, tmp_path / "run")


def test_open_devices_refuses_a_file_that_has_changed_since_the_run_began(tmp_path, board):
    limits = experiment(tmp_path, **{str(board): 3.0, "edgetpu-usb": 1.0})
    keep_device_files(limits, tmp_path / "run")
    assert [file.name for file in (tmp_path / "run" / "devices").iterdir()] == ["board.json"]
    open_devices(limits, tmp_path / "run")
    for change in ({"retries": 0}, {"name": "another"}):
        board.write_text(json.dumps({**COMMAND, **change}))
        with pytest.raises(InputError, match=r"board\.json: is not what it was when this run began"):
            open_devices(limits, tmp_path / "run")


def test_open_devices_whose_files_have_one_name(tmp_path):
    files = [tmp_path / folder / "device.json" for folder in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text(json.dumps({**COMMAND, "name": f"board {file.parent.name}"}))
    limits = experiment(tmp_path, **{str(file): 3.0 for file in files})
    keep_device_files(limits, tmp_path / "run")
    assert [device.name for device, _, _ in open_devices(limits, tmp_path / "run")] == ["board a", "board b"]
    files[0].write_text(json.dumps({**COMMAND, "name": "board a", "retries": 0}))
    with pytest.raises(InputError, match=r"a/device\.json: is not what it was when this run began"):
        open_devices(limits, tmp_path / "run")


def test_open_devices_of_a_run_that_kept_copies_by_the_names_of_files(tmp_path, board):
    limits = experiment(tmp_path, **{str(board.rename(tmp_path / "my.json")): 3.0})
    (tmp_path / "run" / "devices").mkdir(parents=True)
    (tmp_path / "run" / "devices" / "my.json").write_text(json.dumps(COMMAND))
    assert open_devices(limits, tmp_path / "run")[0].device.name == "board"
    (tmp_path / "my.json").write_text(json.dumps({**COMMAND, "retries": 0}))
    with pytest.raises(InputError, match=r"my\.json: is not what it was when this run began"):
        open_devices(limits, tmp_path / "run")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max()": 1}, "search.limits.max(): found 'max()'; expected devices with commas between them"),
        ({"max(edgetpu-usb, hozt)": 1}, "unknown device 'hozt'; did you mean 'host'?"),
        ({"none.json": 1}, "device file none.json: cannot be read (No such file or directory)"),
        ({"host": 0}, "found 0; expected milliseconds greater than 0"),
    ],
)
def test_limits_that_cannot_be(tmp_path, limits, said):
    with pytest.raises(InputError) as caught:
        experiment(tmp_path, **limits)
    assert said in str(caught.value)


def test_a_run_measures_what_the_estimates_let_pass_and_says_which_is_which(tmp_path, board):
    (tmp_path / "tiny.yaml").write_text(TINY)
    small = (
        f"search.limits={json.dumps({'edgetpu-usb': 0.3, str(board): 2})}",
        "search.architectures=4",
        "train.epochs=1",
        "scale={to: b0..b1, train: []}",
        "export.formats=[float32]",
    )
    sets = [word for setting in small for word in ("--set", setting)]
    assert run(["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "run"), *sets]) == 0
    with (tmp_path / "run" / "trials.csv").open() as file:
        trials = [row for row in csv.DictReader(file) if row["state"] != "duplicate"]
    measured = {row["digest"] for row in trials if "board 1.500000 ms measured" in row["latencies"]}
    assert measured == {row["digest"] for row in trials if row["state"] == "trained"}
    assert 0 < len(measured) < len(trials)
    assert len((tmp_path / "runs").read_text().splitlines()) == len(measured)
    winner = yaml.safe_load((tmp_path / "run" / "winner.yaml").read_text())
    assert winner["evidence"] == {"edgetpu-usb": "estimate", "board": "measured"}
    assert winner["latency_ms"]["board"] == 1.5
    assert "on board (measured)" in (tmp_path / "run" / "report.html").read_text().replace("\u00a0", " ")
