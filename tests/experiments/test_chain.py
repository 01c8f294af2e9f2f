"""The whole chain on the embedded digits, small: three trials to a report."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import optuna
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from experiments.report.metrics import Metrics
from nas.architecture import Architecture
from tests.experiments.conftest import ROOT, nas
from tests.studies import storage_in

FILES = (
    "experiment.yaml",
    "study.db",
    "trials.csv",
    "winner.yaml",
    "family.csv",
    "model_float32.tflite",
    "model_int8.tflite",
    "labels.txt",
    "metrics.json",
    "report.html",
)


def rows(file):
    with file.open() as opened:
        return list(csv.DictReader(opened))


def test_run_leaves_every_file(tiny_run):
    out, _ = tiny_run
    assert [name for name in FILES if not (out / name).is_file()] == []
    assert (out / "checkpoints").is_dir()
    assert [entry.name for entry in out.rglob("*.part")] == []


def test_run_answers_in_json(tiny_run):
    out, answer = tiny_run
    assert {"winner", "test_accuracy", "int8_accuracy", "latency_ms", "trials", "infeasible", "out"} <= set(answer)
    assert answer["out"] == str(out)
    assert 0 < answer["latency_ms"] <= 0.4
    assert Architecture.parse(answer["winner"]).classes == 10


def test_metrics_are_complete_and_agree_with_the_other_files(tiny_run):
    out, answer = tiny_run
    metrics = json.loads((out / "metrics.json").read_text())
    Metrics.model_validate(metrics)
    trials = rows(out / "trials.csv")
    assert len(trials) == metrics["search"]["trials"] == answer["trials"]
    assert [int(row["number"]) for row in trials] == list(range(len(trials)))
    assert metrics["search"]["architectures"] == len({row["digest"] for row in trials}) == 3
    assert metrics["winner"]["digest"] in {row["digest"] for row in trials if row["state"] == "trained"}
    assert [row["format"] for row in metrics["export"]["rows"]] == ["flax", "float32", "int8"]
    assert metrics["export"]["images"] == metrics["data"]["test"] == 360
    assert metrics["test_accuracy"] == metrics["export"]["rows"][0]["accuracy"]


def test_every_training_is_evaluated_beside_its_checkpoints(tiny_run):
    out, _ = tiny_run
    metrics = json.loads((out / "metrics.json").read_text())
    winner = json.loads((out / "checkpoints" / "winner" / "evaluation.json").read_text())
    assert winner == metrics["winner"]["evaluation"]
    assert winner["top1"] == metrics["test_accuracy"] <= winner["top5"] <= 1
    epochs = {row["epoch"]: row["validation_accuracy"] for row in metrics["winner"]["history"]}
    assert metrics["winner"]["validation_accuracy"] == epochs[metrics["winner"]["best_epoch"]]
    member = json.loads((out / "checkpoints" / "family-b1" / "evaluation.json").read_text())
    assert member["top1"] == metrics["family"][1]["test_accuracy"]
    lines = (out / "checkpoints" / "winner" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_study_opens_in_optuna(tiny_run):
    out, answer = tiny_run
    winner = yaml.safe_load((out / "winner.yaml").read_text())
    with storage_in(out) as storage:
        study = optuna.load_study(study_name="tiny", storage=storage)
        assert len(study.trials) == answer["trials"]
        assert study.trials[winner["trial"]].value == study.best_value == winner["validation_accuracy"]


def test_family_is_scaled_and_trained(tiny_run):
    out, _ = tiny_run
    b0, b1, *alone = rows(out / "family.csv")
    assert [row["name"] for row in alone] == ["b1-width", "b1-depth", "b1-resolution"]
    assert all(int(row["macs"]) <= int(b1["macs"]) and row["test_accuracy"] for row in alone)
    assert int(b1["macs"]) > int(b0["macs"])
    assert 0 < float(b0["test_accuracy"]) <= 1
    assert 0 < float(b1["test_accuracy"]) <= 1
    assert json.loads(nas("cost", out / "family" / "b1.yaml", "--json").stdout)["params"] == int(b1["params"])


def test_every_command_takes_what_the_run_left(tiny_run):
    out, _ = tiny_run
    cost = json.loads(nas("cost", out / "winner.yaml", "--json").stdout)
    assert cost["params"] == yaml.safe_load((out / "winner.yaml").read_text())["params"]
    members = json.loads(nas("scale", out, "--to", "b0,b2", "--json").stdout)["members"]
    assert [member["name"] for member in members] == ["b0", "b2"]
    verdict = json.loads(nas("check", out / "model_int8.tflite", "--json").stdout)
    assert verdict["edgetpu"] is True
    assert all(op["mapped"] for op in verdict["ops"])
    assert json.loads(nas("check", out / "model_float32.tflite", "--json").stdout)["edgetpu"] is False
    report = json.loads(nas("report", out, "--json").stdout)["file"]
    assert report == str(out / "report.html")


def test_export_of_a_run_repeats_its_file(tiny_run, tmp_path):
    out, _ = tiny_run
    done = nas("export", out, "--format", "int8", "--out", tmp_path / "again.tflite", "--json")
    answer = json.loads(done.stdout)
    assert answer["edgetpu"] is True
    assert (tmp_path / "again.tflite").read_bytes() == (out / "model_int8.tflite").read_bytes()
    assert answer["bytes"] == (out / "model_int8.tflite").stat().st_size


def test_predict_names_classes_of_a_picture(tiny_run, tmp_path):
    out, _ = tiny_run
    picture = (load_digits().images[0] * 255 / 16).astype("uint8")
    Image.fromarray(picture).resize((64, 64)).save(tmp_path / "zero.png")
    done = nas("predict", out / "model_int8.tflite", tmp_path / "zero.png", "--top", "3", "--json")
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert len(prediction["classes"]) == 3
    assert {entry["label"] for entry in prediction["classes"]} <= set("0123456789")
    assert 0.99 < sum(c["probability"] for c in json.loads(
        nas("predict", out / "model_int8.tflite", tmp_path / "zero.png", "--top", "10", "--json").stdout
    )["predictions"][0]["classes"]) < 1.01  # fmt: skip


def test_run_again_redoes_nothing(tiny_run, tiny_yaml):
    out, answer = tiny_run
    before = {path: path.stat().st_mtime_ns for path in (out / "steps").iterdir()}
    done = nas("run", tiny_yaml, "--out", out, "--json")
    assert json.loads(done.stdout) == answer
    assert {path: path.stat().st_mtime_ns for path in (out / "steps").iterdir()} == before
    assert done.stderr.count("(done before)") == 4


def test_run_refuses_the_folder_of_another_experiment(tiny_run, tiny_yaml):
    out, _ = tiny_run
    done = nas("run", tiny_yaml, "--out", out, "--set", "search.architectures=4")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "belongs to a different experiment ('tiny', search.architectures was 3, now 4)" in done.stderr
    irrelevant = ("data.memory=0.1", "search.workers=2", "out=elsewhere")
    changes = [word for change in (*irrelevant, "train.epochs=7") for word in ("--set", change)]
    done = nas("run", tiny_yaml, "--out", out, *changes)
    assert ", now 7)" in done.stderr
    assert "'tiny', train.epochs was " in done.stderr


def test_run_refuses_a_folder_that_holds_something_else(tiny_yaml, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    done = nas("run", tiny_yaml, "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "holds other files but no run" in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("phase", ["trials.csv", "steps/winner.json", "steps/family.json"])
def test_a_killed_run_goes_on(tiny_run, tiny_yaml, tmp_path, phase):
    """Killed as soon as a file of some phase appears, the same command ends as if nothing had been."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "experiments", "run", str(tiny_yaml), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / phase).exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = rows(out / "trials.csv")
    assert nas("run", tiny_yaml, "--out", out).returncode == 0
    finished, undisturbed = rows(out / "trials.csv"), rows(tiny_run[0] / "trials.csv")
    assert finished[: len(kept)] == kept
    same = ("number", "state", "digest", "validation_accuracy")
    assert [[row[key] for key in same] for row in finished] == [[row[key] for key in same] for row in undisturbed]
    metrics, other = (json.loads((folder / "metrics.json").read_text()) for folder in (out, tiny_run[0]))
    assert metrics["winner"]["test_accuracy"] == other["winner"]["test_accuracy"]
    assert metrics["family"] == other["family"]


def test_report_tells_the_winners_accuracy_in_the_search_from_its_last(tiny_run):
    out, _ = tiny_run
    winner = json.loads((out / "metrics.json").read_text())["winner"]
    trial = next(row for row in rows(out / "trials.csv") if row["digest"] == winner["digest"])
    assert winner["search_accuracy"] == pytest.approx(float(trial["validation_accuracy"]), abs=1e-6)
    page = (out / "report.html").read_text()
    said = re.search(r"Trial \d+: ([\d.]+)\s*% validation accuracy in the search", page)
    assert float(said[1]) == pytest.approx(100 * winner["search_accuracy"], abs=0.01)
