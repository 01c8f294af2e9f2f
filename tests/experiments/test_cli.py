"""The command line: help, answers, and bad input in one line with exit code 2."""

import json
import os
import shutil
import sys

import pytest
from PIL import Image

from experiments.cli import _parser, run
from tests.experiments.conftest import nas

COMMANDS = ("run", "train", "cost", "scale", "export", "check", "predict", "zoo", "report", "devices", "calibrate")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command):
    done = nas(command, "--help")
    assert done.returncode == 0
    assert f"examples:\n  nas {command}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "goes_on"),
    [
        ("run a.yaml", True),
        ("train mobilenet-v1", True),
        ("qat runs/mine", True),
        ("calibrate host --space edge-tiny --out x.json", True),
        ("calibrate phone --measurements x.csv --out x.json", False),
        ("scale mobilenet-v1 --search --data digits", True),
        ("scale mobilenet-v1", False),
        ("export runs/mine --out x.tflite", False),
        ("import x.tflite --out mine", False),
        ("quantization runs/mine", False),
        ("predict x.tflite x.png", False),
        ("check x.tflite", False),
        ("zoo", False),
        ("report runs/mine", False),
    ],
)
def test_commands_say_whether_they_go_on_when_given_again(arguments, goes_on):
    parsed = _parser().parse_args(arguments.split())
    assert parsed.command.goes_on(parsed) is goes_on


def test_cost_of_efficientnet_b0():
    answer = json.loads(nas("cost", "efficientnet-b0", "--json").stdout)
    assert answer["params"] == 5_288_548
    assert answer["macs"] == pytest.approx(0.386e9, rel=0.01)
    assert answer["resolution"] == 224
    assert list(answer["latency_ms"]) == ["edgetpu-usb"]
    assert sum(layer["params"] for layer in answer["layers"]) == answer["params"]
    assert sum(layer["macs"] for layer in answer["layers"]) == answer["macs"]


def test_cost_at_another_size_on_several_devices():
    arguments = ("--resolution", "128", "--classes", "10", "--device", "edgetpu-pcie", "--device", "edgetpu-usb2")
    answer = json.loads(nas("cost", "mobilenet-v1", *arguments, "--json").stdout)
    assert (answer["resolution"], answer["classes"]) == (128, 10)
    assert list(answer["latency_ms"]) == ["edgetpu-pcie", "edgetpu-usb2"]


def test_scale_gives_the_published_family():
    members = json.loads(nas("scale", "efficientnet-b0", "--to", "b0..b7", "--json").stdout)["members"]
    assert [member["params"] for member in members] == [
        5_288_548, 7_794_184, 9_109_994, 12_233_232, 19_341_616, 30_389_784, 43_040_704, 66_347_960
    ]  # fmt: skip
    assert [member["resolution"] for member in members] == [224, 240, 260, 300, 380, 456, 528, 600]


def test_zoo_lists_names_that_cost_takes():
    (model,) = json.loads(nas("zoo", "mobilenet-v1-0.25-128", "--json").stdout)["models"]
    assert (model["name"], model["params"], model["resolution"]) == ("mobilenet-v1-0.25-128", 470_072, 128)


def test_people_get_a_table_on_standard_output():
    done = nas("cost", "mobilenet-v1")
    assert "4,231,976 parameters" in done.stdout
    assert "(estimate)" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cost", "efficientnet-b00"), "unknown network 'efficientnet-b00'; did you mean 'efficientnet-b0'?"),
        (("cost", "nothing.yaml"), "nothing.yaml: does not exist"),
        (("cost", "efficientnet-b0", "--device", "edgetpu"), "unknown device 'edgetpu'; did you mean 'edgetpu-usb'?"),
        (("cost", "efficientnet-b0", "--resolution", "big"), "found 'big'; expected an integer of at least 1"),
        (("cost", "README.md"), "README.md line 3: found"),
        (("cots", "efficientnet-b0"), "invalid choice: 'cots'"),
        (("scale", "efficientnet-b0", "--to", "b0..b99"), "unknown member 'b99'"),
        (("export", "efficientnet-b0", "--format", "int4", "--out", "x.tflite"), "invalid choice: 'int4'"),
        (("export", "tests", "--out", "x.tflite"), "tests: is no run's folder"),
        (("export", "nofolder", "--out", "x.tflite"), "; nor is there a file or a folder of that name"),
        (
            ("export", "runs/none", "--out", "x.tflite"),
            "runs/none: does not exist; expected an architecture's file, or",
        ),
        (
            ("export", "mobilenet-v1", "--format", "onnx", "--out", "x.tflite"),
            "x.tflite: found the format onnx; expected",
        ),
        (
            ("export", "mobilenet-v1", "--format", "float32", "--quantization", "max", "--out", "x.tflite"),
            "--quantization: is of int8 and uint8; expected one of them for --format",
        ),
        (
            ("export", "mobilenet-v1", "--activation", "relu6", "--out", "x.tflite"),
            "--activation: is of a network made deployable; expected --make-deployable with it",
        ),
        (
            ("export", "mobilenet-v1", "--without-se", "--out", "x.tflite"),
            "--without-se: is of a network made deployable",
        ),
        (("export", "mobilenet-v1", "--retrain-epochs", "3", "--out", "x"), "--retrain-epochs: is of a network made"),
        (
            ("quantization", "nofolder"),
            "nofolder: does not exist; expected the folder of a run, a training or an import",
        ),
        (
            ("calibrate", "host", "--space", "edge-tiny", "--samples", "10000000", "--out", "x.json"),
            "found '10000000'; expected an integer from 1 to 10000",
        ),
        (("check", "nothing.tflite"), "nothing.tflite: cannot be read"),
        (("check", "README.md"), "README.md: is no TFLite model"),
        (("predict", "nothing.tflite", "x.png"), "nothing.tflite: cannot be read"),
        (("report", "tests"), "tests: is no run folder"),
        (("run", "nothing.yaml"), "nothing.yaml: does not exist"),
        (("run", "tests"), "tests: is not a file"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = nas(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.limits.edgetpu-usb=0.01", "the fastest found takes"),
        ("search.limits.edgetpu-uzb=1", "unknown device 'edgetpu-uzb'; did you mean 'edgetpu-usb'?"),
        ("search.sampler=tpee", "unknown sampler 'tpee'; did you mean 'tpe'?"),
        ("search.sampller=tpe", "unknown key 'sampller'; did you mean 'sampler'?"),
        ("data.dataset=digitz", "digitz"),
        ("data.dataset=cifar10", "cifar10"),
        ("search.architectures=many", "expected how many to consider"),
        ("space=edge-tini", "unknown search space 'edge-tini'; did you mean 'edge-tiny'?"),
    ],
)
def test_bad_settings_leave_nothing_behind(tiny_yaml, tmp_path, override, message):
    done = nas("run", tiny_yaml, "--out", tmp_path / "run", "--set", override, "--set", f"data.data_dir={tmp_path}")
    lines = [line for line in done.stderr.splitlines() if line.startswith("nas run: ")]
    assert done.returncode == 2
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "trials.csv").exists()


def test_labels_that_do_not_fit_are_refused(tiny_run, tmp_path):
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    done = nas("predict", tiny_run[0] / "model_int8.tflite", tmp_path / "x.png", "--labels", tmp_path / "labels.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "2" in done.stderr
    assert "10" in done.stderr


def test_a_picture_that_is_none_is_refused(tiny_run, tmp_path):
    (tmp_path / "x.png").write_text("not a picture")
    done = nas("predict", tiny_run[0] / "model_int8.tflite", tmp_path / "x.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no whole picture" in done.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_names_of_pictures_may_be_any_bytes(tiny_run, tmp_path):
    shutil.copy(tiny_run[0] / "model_int8.tflite", model := tmp_path / "m.tflite")
    Image.new("L", (8, 8)).save(picture := tmp_path / os.fsdecode(b"\xff.png"))
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = nas("predict", model, picture, "--out", tmp_path / "o.csv", env=strict)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/\\udcff.png" in done.stdout
    assert f"{tmp_path}/\\udcff.png,1," in (tmp_path / "o.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["author", "license"])
@pytest.mark.parametrize("format", ["float32", "onnx", "coreml"])
def test_whose_a_file_is_has_to_be_text(capsys, option, format):
    words = ["export", "mobilenet-v1", "--format", format, "--out", "m.x", f"--{option}", os.fsdecode(b"Andr\xe9")]
    assert run(words) == 2
    said = f"nas export: --{option} Andr\\udce9: {option}: is no UTF-8; expected text in UTF-8\n"
    assert capsys.readouterr().err == said


def test_a_truncated_model_is_refused(tiny_run, tmp_path):
    (tmp_path / "half.tflite").write_bytes((tiny_run[0] / "model_int8.tflite").read_bytes()[:2000])
    for command in ("check", "predict"):
        done = nas(command, tmp_path / "half.tflite", *(["x.png"] if command == "predict" else []))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "half.tflite" in done.stderr


@pytest.mark.parametrize("command", [("winner",), ("front",), ("report",), ("train", "mobilenet-v1", "--init")])
def test_a_path_that_cannot_be_asked_about_is_one_line(command, tmp_path):
    done = nas(*command, tmp_path / ("x" * 300))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("(File name too long); expected another path")
