"""Folders that were damaged, trainings that fail, processes that are stopped: one line each, nothing lost."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from experiments.architectures import load_architecture
from experiments.calibrate_command import read_space
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from nas.errors import InputError
from tests.experiments.conftest import ROOT, nas

# Which number is the first to be none depends on the processor's last digits.
DIVERGED = re.compile("the loss became|outputs on the validation pictures are not numbers")
# Shells start what they put into the background deaf to interruptions, and so are these tests then.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("experiments", run_name="__main__", alter_sys=True)
"""
DIVERGING = ("optimizer=sgd", "learning_rate=100", "momentum=0.9999", "weight_decay=10", "warmup_epochs=0", "epochs=6")


def settings(section):
    return [word for setting in DIVERGING for word in ("--set", f"{section}.{setting}")]


def complaint(done):
    """The one line that a command ended with."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("nas ")]
    assert done.returncode == 2
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.fixture
def copied_run(tiny_run, tmp_path):
    """A finished run's folder, to be damaged."""
    shutil.copytree(tiny_run[0], tmp_path / "run")
    return tmp_path / "run"


def test_a_refused_experiment_can_be_put_right_in_the_same_folder(tiny_yaml, tmp_path):
    out = tmp_path / "run"
    for override in ("search.limits.edgetpu-usb=0.01", "train.batch_size=5000", "data.dataset=digitz"):
        complaint(nas("run", tiny_yaml, "--out", out, "--set", override))
        assert not out.exists()
    with RunFolder.claim(out, load_experiment(tiny_yaml)):
        pass


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "search.limits.edgetpu-usb=0.01",
            "--set search.limits.edgetpu-usb=0.01: search.limits.edgetpu-usb: found 0.01 ms",
        ),
        ("data.dataset=digitz", "--set data.dataset=digitz: data.dataset: cannot find 'digitz'"),
        ("scale.recipe.batch_size=5000", "scale.recipe.batch_size: found 5000; expected at most 192"),
        ("search.pictures=8", "search.recipe.batch_size: found 32; expected at most 8"),
        (
            "data.normalise=imagenet",
            "data.normalise: found 3 numbers to normalise pictures of 1 channel by; expected 1",
        ),
        ("space={space: 1}", "space: found {space: 1}; expected an architecture"),
    ],
)
def test_the_key_path_is_said_once(tiny_yaml, tmp_path, override, said):
    line = complaint(nas("run", tiny_yaml, "--out", tmp_path / "run", "--set", override))
    path = override.partition("=")[0]
    assert said in line
    assert f"{path}: {path}: " not in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dense c10", "dense c{10,12}", "space: found 12 outputs; expected digits's 10 classes"),
        ("input 8x8x1", "input {8x8x1,8x8x3}", "space: found an input of 3 channels; expected the 1 of digits"),
        ("head  dense c10", "head  conv k3 c10", "space: found an output of shape (1, 1, 10)"),
        ("stage {mbconv,conv}", "stem  {mbconv,conv}", "scale.to: found b0, b1, which no network of the space can"),
        ("k3 s1 c8", "k{3,9} s1 c8 padding=valid", "line 6: conv on an input of (8, 8, 1): a window of 9 does not fit"),
    ],
)
def test_alternatives_that_do_not_fit_are_refused_before_the_search(tiny_yaml, tmp_path, old, new, said):
    text = tiny_yaml.read_text()
    assert old in text
    file = tmp_path / "changed.yaml"
    file.write_text(text.replace(old, new))
    assert said in complaint(nas("run", file, "--out", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: (run / "study.db").write_bytes(b"garbage" * 100), "study.db: is damaged (file is not a database)"),
        (lambda run: (run / "study.db").write_bytes(b""), "study.db: is damaged (no such table: studies)"),
        (lambda run: (run / "study.db").unlink(), "study.db: does not exist"),
        (lambda run: (run / "steps" / "winner.json").write_text('{"trial'), "winner.json: cannot be read as JSON"),
        (lambda run: (run / "steps" / "export.json").write_text("{}"), "export.json: is not what this step writes"),
        (lambda run: (run / "experiment.yaml").write_text("name: [tiny"), "experiment.yaml line 1: is not YAML"),
    ],
)
def test_a_damaged_folder_is_refused(copied_run, tiny_yaml, damage, said):
    damage(copied_run)
    assert said in complaint(nas("run", tiny_yaml, "--out", copied_run))


def test_a_step_whose_file_is_deleted_is_done_again(copied_run, tiny_yaml):
    before = json.loads((copied_run / "steps" / "export.json").read_text())
    (copied_run / "steps" / "export.json").unlink()
    assert nas("run", tiny_yaml, "--out", copied_run).returncode == 0
    after = json.loads((copied_run / "steps" / "export.json").read_text())
    assert [row["accuracy"] for row in after["rows"]] == [row["accuracy"] for row in before["rows"]]


def test_what_a_kill_left_half_written_is_cleared(copied_run, tiny_yaml):
    left = [copied_run / ".metrics.json.1.part", copied_run / "steps" / ".winner.json.1.part"]
    for file in left:
        file.write_text("half")
    with RunFolder.claim(copied_run, load_experiment(tiny_yaml)):
        assert [file for file in left if file.exists()] == []


GONE = {
    "trials.csv": "trials.csv",
    "front.csv": "front.csv",
    "winner.yaml": "winner.yaml",
    "family.csv": "family.csv",
    "family": "family/b0.yaml, family/b1.yaml",
    "labels.txt": "labels.txt",
    "model_int8.tflite": "model_int8.tflite",
    "checkpoints/winner/evaluation.json": None,
    "checkpoints/family-b1/evaluation.json": None,
}


MEASURED = ("metrics.json", "report.html", "steps/export.json")  # with the time that files take on this machine


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def delete(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_files_that_are_gone_of_a_finished_run_are_made_again(copied_run, tiny_yaml):
    written = yaml.safe_load((copied_run / "winner.yaml").read_text())
    before = contents(copied_run)
    for name in GONE:
        delete(copied_run / name)
    done = nas("run", tiny_yaml, "--out", copied_run)
    assert done.returncode == 0
    after = contents(copied_run)
    assert set(after) == set(before)
    assert {str(file) for file in after if after[file] != before[file]} <= {*MEASURED, "winner.yaml"}
    found = yaml.safe_load((copied_run / "winner.yaml").read_text())
    assert {**found, "how": None} == {**written, "how": None}  # where the folder is named, which is a copy
    for said in filter(None, GONE.values()):
        assert re.search(rf"no longer there, and to be made again: .*{said}", done.stderr)
    assert "epochs" not in done.stderr
    assert done.stderr.count("(done before)") == 1  # the winner's training
    again = nas("run", tiny_yaml, "--out", copied_run)
    assert again.stderr.count("(done before)") == 4


def test_what_only_a_training_could_make_again_is_said(copied_run, tiny_yaml):
    delete(copied_run / "checkpoints")
    delete(copied_run / "model_int8.tflite")
    delete(copied_run / "labels.txt")
    done = nas("run", tiny_yaml, "--out", copied_run)
    assert done.returncode == 0
    assert "no longer there: checkpoints/winner, made again only by training" in done.stderr
    assert re.search(r"cannot be made again: \S*checkpoints/winner: does not exist; ", done.stderr)
    assert (copied_run / "labels.txt").is_file()
    assert not (copied_run / "model_int8.tflite").exists()


def test_one_process_at_a_time(tiny_yaml, tmp_path):
    experiment = load_experiment(tiny_yaml)
    with (
        RunFolder.claim(tmp_path / "run", experiment),
        pytest.raises(InputError, match=r"run: is in use by another run; wait for it, or give another --out$"),
    ):
        RunFolder.claim(tmp_path / "run", experiment)


def test_export_refuses_a_winner_that_was_not_trained(copied_run, tmp_path):
    winner = copied_run / "winner.yaml"
    text = winner.read_text()
    winner.write_text(text.replace("dense c10", "dense c12"))
    assert "winner.yaml: is not what was trained" in complaint(
        nas("export", copied_run, "--out", tmp_path / "x.tflite")
    )
    winner.write_text(text)
    shutil.rmtree(copied_run / "checkpoints")
    assert "checkpoints/winner: does not exist" in complaint(nas("export", copied_run, "--out", tmp_path / "x.tflite"))
    assert not (tmp_path / "x.tflite").exists()


def test_trials_whose_loss_is_no_number_are_recorded_with_the_reason(tiny_yaml, tmp_path):
    out = tmp_path / "run"
    line = complaint(nas("run", tiny_yaml, "--out", out, *settings("search.recipe")))
    assert "search.recipe: none of 3 trials was trained, 3 failed" in line
    assert "a lower learning_rate" in line
    with (out / "trials.csv").open() as opened:
        trials = list(csv.DictReader(opened))
    assert [trial["state"] for trial in trials] == ["failed"] * 3
    assert DIVERGED.search(trials[0]["reason"])
    assert list((out / "checkpoints").iterdir()) == []


def test_a_winner_that_cannot_be_trained_is_one_line(tiny_yaml, tmp_path):
    line = complaint(nas("run", tiny_yaml, "--out", tmp_path / "run", *settings("train")))
    assert "train.learning_rate: the winner cannot be trained: the " in line
    assert DIVERGED.search(line)


def test_a_member_that_cannot_be_trained_stays_without_accuracy(tiny_yaml, tmp_path):
    out = tmp_path / "run"
    assert nas("run", tiny_yaml, "--out", out, *settings("scale.recipe")).returncode == 0
    with (out / "family.csv").open() as opened:
        b0, b1, *_ = csv.DictReader(opened)
    assert float(b0["test_accuracy"]) > 0
    assert b1["test_accuracy"] == ""
    assert json.loads((out / "metrics.json").read_text())["family"][1]["test_accuracy"] is None


def test_an_interrupted_run_says_one_line(tiny_yaml, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-c", INTERRUPTIBLE, "run", str(tiny_yaml), "--out", str(out)]
    with subprocess.Popen(
        [*command, "--set", "search.recipe.epochs=500"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not list(out.glob("checkpoints/trial-*/[0-9]*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1] == "nas: interrupted; `nas run` goes on from here when given again"
    assert "Traceback" not in stderr


def test_an_interrupted_command_that_keeps_nothing_promises_nothing(tmp_path):
    os.mkfifo(tmp_path / "a.arch")
    command = [sys.executable, "-c", INTERRUPTIBLE, "cost", str(tmp_path / "a.arch")]
    with (
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process,
        (tmp_path / "a.arch").open("w"),  # which waits until the command reads
    ):
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=60)[1]
    assert (process.returncode, stderr) == (130, "\nnas: interrupted\n")


def test_output_that_nobody_takes_is_no_traceback():
    shell = f"{sys.executable} -m experiments zoo efficientnet-b0"
    full = subprocess.run(f"{shell} > /dev/full", shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "standard output: cannot be written (No space left on device)" in complaint(full)
    closed = subprocess.run(f"{shell} >&-", shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cost", "a" * 5000), "unknown network"),
        (("cost", ""), "unknown network ''"),
        (
            ("cost", "efficientnet-b0", "--resolution", "100000000"),
            "--resolution: found 100000000; expected 1 to 16384",
        ),
        (("zoo", "efficientnet-b00"), "unknown network 'efficientnet-b00'; did you mean 'efficientnet-b0'?"),
        (("export", "mobilenet-v1-0.25-128", "--out", "README.md/x.tflite"), "README.md/x.tflite: cannot be written"),
        (("run", "experiments/quickstart.yaml", "--out", "x" * 300), "cannot be used (File name too long)"),
    ],
)
def test_absurd_arguments_are_one_line(arguments, said):
    assert said in complaint(nas(*arguments))


@pytest.mark.parametrize("name", ["a.arch", "a.yaml"])
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path, name):
    text = "input 8x8x1\nhead dense c2\n"
    text = text if name == "a.arch" else f"architecture: |\n  {text.strip().replace(chr(10), chr(10) + '  ')}\n"
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert load_architecture(str(tmp_path / name)).architecture.classes == 2
    if name == "a.arch":
        assert read_space(str(tmp_path / name)).size == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.yaml",
            "name: a\narchitecture: 3\n",
            "a.yaml line 2: architecture: found 3; expected an architecture's text",
        ),
        ("a.arch", "input 8x8x1\nhead pool\n", "a.arch: no layer says its channels"),
        ("a.arch", "input 8x8x1\nhead conv k9 c2 padding=valid\n", "a.arch line 2: conv on an input of (8, 8, 1)"),
        ("a.arch", "input 8x8x1\nhead conv k3 c2 \x1b[31m\n", r"a.arch line 2: cannot read '\x1b[31m'"),
    ],
)
def test_mistakes_in_architecture_files_name_the_file(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    assert said in complaint(nas("cost", tmp_path / name))
