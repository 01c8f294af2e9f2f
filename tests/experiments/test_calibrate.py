"""`nas calibrate` and `nas devices` for real: files, measurements, a fit, and a device that predicts."""

import json

import pytest

from experiments.cli import run
from experiments.lock import held
from nas.architecture import Architecture
from nas.latency import load_device
from nas.trace import trace

SPACE = "input 8x8x1\nstem conv k{3,5} s1 c{8,12,16,20,24,32,40,48} act=relu6\nhead pool\nhead dense c10\n"
# A machine that runs tests does other things besides: nothing is refused for that here.
QUICK = {
    "format": 1, "name": "quick", "kind": "host", "title": "Quick", "evidence": "measured",
    "seconds": 0.02, "largest_spread": 1e6, "largest_drift": 1e6,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "tiny.arch").write_text(SPACE)
    (folder / "quick.json").write_text(json.dumps(QUICK))
    return folder


@pytest.fixture
def nas(capfd):
    """Runs a command in this process: its exit code, its answer (the last line of an error), what it said."""

    def call(*arguments):
        capfd.readouterr()
        code = run([*map(str, arguments), "--json"])
        out, said = capfd.readouterr()
        return code, (said.splitlines()[-1] if code else json.loads(out)), said

    return call


def plan(folder, *more, device="quick.json"):
    chosen = ("--space", folder / "tiny.arch", "--samples", 12, "--held-out", 3, "--out", folder / "fitted.json")
    return ("calibrate", folder / device, *chosen, *more)


def test_calibrate_exports_measures_fits_and_tells_its_error(nas, folder):
    code, answer, _ = nas(*plan(folder, "--export-only"))
    assert (code, answer) == (0, {"models": 15, "precision": "int8", "folder": str(folder / "fitted.models")})
    assert len(list((folder / "fitted.models").glob("*.tflite"))) == 15
    assert not (folder / "fitted.csv").exists()
    code, answer, said = nas(*plan(folder))
    assert code == 0
    assert (answer["name"], answer["device"], answer["fitted_on"]) == ("fitted", "quick", 12)
    assert answer["errors"]["networks"] == 3
    assert 0 <= answer["errors"]["within_10"] <= 1
    assert "measurements 15/15" in said


def test_two_calibrations_do_not_write_one_table(nas, folder):
    table = folder / "fitted.csv"
    before = table.read_bytes()
    with held(table):
        code, line, _ = nas(*plan(folder))
    assert (code, line) == (2, f"nas calibrate: {table}: is being written by another process; wait for it")
    assert table.read_bytes() == before


def test_calibrate_wrote_a_device_that_predicts(folder):
    device = load_device(folder / "fitted.json")
    assert (device.name, device.kind, device.evidence) == ("fitted", "fitted", "fitted")
    assert device.known_error.networks == 3
    known = trace(Architecture.parse(SPACE.replace("{3,5}", "3").replace("{8,12,16,20,24,32,40,48}", "16")))
    assert device.latency(known).ms > 0


def test_calibrate_fits_to_measurements_brought_along(nas, folder):
    code, answer, _ = nas(
        "calibrate", "phone", "--measurements", folder / "fitted.csv", "--out", folder / "brought.json"
    )
    assert (code, answer["device"], answer["fitted_on"], answer["errors"]["networks"]) == (0, "phone", 12, 3)
    (entry,) = nas("devices", folder / "brought.json")[1]["devices"]
    assert (entry["name"], entry["evidence"], entry["known_error"]["networks"]) == ("brought", "fitted", 3)


def test_calibrate_refuses_too_few_measurements(nas, folder):
    few = folder / "few.csv"
    few.write_text("".join((folder / "fitted.csv").read_text().splitlines(keepends=True)[:4]))
    code, error, _ = nas("calibrate", "phone", "--measurements", few, "--out", folder / "few.json")
    assert code == 2
    assert "found 3 measurements; expected at least" in error


def test_calibrate_goes_on_where_it_was_stopped(nas, folder):
    table = folder / "fitted.csv"
    lines = table.read_bytes().splitlines(keepends=True)
    table.write_bytes(b"".join(lines[:-2]) + lines[-2][:20])
    assert nas(*plan(folder))[0] == 0
    again = table.read_bytes().splitlines(keepends=True)
    assert (again[:-2], len(again)) == (lines[:-2], len(lines))


def test_calibrate_keeps_what_was_measured_before_a_command_failed(nas, folder):
    board = {
        "format": 1, "name": "board", "kind": "command", "title": "Board", "evidence": "measured", "retries": 0,
        "command": f"sh -c 'echo . >> {folder}/runs; test $(wc -l < {folder}/runs) -lt 6 && echo 2 ms' {{model}}",
    }  # fmt: skip
    (folder / "board.json").write_text(json.dumps(board))
    table = folder / "board.csv"
    kept = ("--models", folder / "fitted.models", "--measurements-out", table)
    code, error, _ = nas(*plan(folder, *kept, device="board.json"))
    assert code == 2
    assert "board: the command ended with code 1; it printed nothing; 3 failed in a row, 5 measurements are in" in error
    assert len(table.read_text().splitlines()) == 1 + 5


def test_devices_lists_those_that_come_with_the_toolkit_and_the_folder(nas):
    listed = nas("devices")[1]
    kinds = {entry["name"]: (entry["kind"], entry["evidence"]) for entry in listed["devices"]}
    assert kinds["edgetpu-usb"] == ("edgetpu", "estimate")
    assert kinds["host"] == ("host", "measured")
    assert kinds["litert-process"] == ("command", "measured")
    assert listed["unusable"] == []


def test_devices_for_people(capfd):
    assert run(["devices", "host"]) == 0
    assert "none: measured" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("edgetpu-usb", "--space", "edge-tiny", "--out", "x.json"),
            "device edgetpu-usb: predicts (edgetpu); expected one",
        ),
        (("hozt", "--space", "edge-tiny", "--out", "x.json"), "unknown device 'hozt'; did you mean 'host'?"),
        (("host", "--out", "x.json"), "--space: is missing"),
        (
            ("host", "--space", "edge-tiny", "--out", "x.yaml"),
            "--out: found x.yaml; expected a file that ends in .json",
        ),
        (("host", "--space", "none.arch", "--out", "x.json"), "none.arch: cannot be read"),
        (("host", "--space", "edge-tini", "--out", "x.json"), "unknown search space 'edge-tini'"),
        (("x", "--measurements", "none.csv", "--out", "x.json"), "none.csv: cannot be read"),
        (("x", "--measurements", "x.csv", "--space", "edge-tiny", "--out", "x.json"), "expected neither --space"),
    ],
)
def test_calibrate_refuses_in_one_line(nas, arguments, message):
    code, error, said = nas("calibrate", *arguments)
    assert code == 2
    assert message in error
    assert said.count("\n") == 1
