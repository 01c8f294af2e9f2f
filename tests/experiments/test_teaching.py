"""A teacher: `nas train --teacher`, and the winner's in an experiment; and teachers that cannot be had, in one line."""

import json
import shutil

import numpy as np
import pytest
import yaml

from experiments.cli import run
from experiments.context import Context
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from experiments.stages.winner import CHECKPOINT, train_and_test
from nas.architecture import Architecture
from nas.errors import InputError
from tests.experiments.conftest import TINY

TEACHER = "input 12x12x1\nstem conv k3 s2 c8\nhead pool\nhead dense c10\n"
PUPIL = "input 8x8x1\nstem conv k3 s2 c4\nhead pool\nhead dense c10\n"
QUICK = ("--epochs", "1", "--batch-size", "32", "--set", "data.limit=160")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a teacher's training, of larger pictures, and the file of a pupil."""
    folder = tmp_path_factory.mktemp("teaching")
    (folder / "teacher.arch").write_text(TEACHER)
    (folder / "pupil.arch").write_text(PUPIL)
    assert run(["train", str(folder / "teacher.arch"), *QUICK, "--out", str(folder / "teacher")]) == 0
    return folder


def pupil(place, *words, out="taught"):
    given = ("train", place / "pupil.arch", *QUICK, *words, "--out", place / out)
    return run([str(word) for word in given])


def test_a_pupil_learns_from_a_trained_network(place, capsys):
    words = ("--teacher", place / "teacher", "--distill-weight", "1", "--temperature", "2")
    assert pupil(place, *words, "--json") == 0
    done = capsys.readouterr()
    assert "teacher: teaches by 1 at temperature 2, from pictures of 12x12" in done.err
    kept = yaml.safe_load((place / "taught" / "training.yaml").read_text())
    assert kept["teacher"] == {"network": str(place / "teacher"), "weight": 1.0, "temperature": 2.0}
    taught = json.loads((place / "taught" / "metrics.jsonl").read_text())
    assert pupil(place, out="alone") == 0
    assert json.loads((place / "alone" / "metrics.jsonl").read_text())["loss"] != taught["loss"]
    capsys.readouterr()
    assert pupil(place, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(done.out)
    assert pupil(place, out="taught") == 2
    assert "belongs to a different training ('pupil', teacher was {'network'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher", "nowhere"), "--teacher: nowhere does not exist; expected a checkpoint, or the folder of a run"),
        (("--teacher", "."), "--teacher: .: holds no checkpoint; expected a training that ended an epoch"),
        (("--teacher", "teacher", "--distill-weight", "2"), "--distill-weight 2.0: teacher.weight: found 2.0;"),
        (("--teacher", "teacher", "--temperature", "0"), "--temperature 0.0: teacher.temperature: found 0.0;"),
        (("--temperature", "2"), "--temperature 2.0: found no --teacher; expected a network to learn from"),
        (("--teacher", "teacher", "--data", "two.npz"), "teacher tells 10 classes apart; expected the 2 of two"),
        (("--teacher", "teacher", "--set", "data.channels=3"), "teacher reads pictures of 1 channels; expected the 3"),
        (("--teacher", "renamed"), "renamed has 'zero' for class 0; expected '0', as in the data"),
    ],
)
def test_teachers_that_cannot_teach_are_refused(place, capsys, monkeypatch, words, said):
    monkeypatch.chdir(place)
    if "two.npz" in words:
        np.savez(place / "two.npz", images=np.zeros((200, 8, 8), np.uint8), labels=np.arange(200) % 2)
    if "renamed" in words:
        shutil.copytree(place / "teacher", place / "renamed", dirs_exist_ok=True)
        (place / "renamed" / "labels.txt").write_text("zero\none\n")
    assert pupil(place, *words, out="refused") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nas ")]
    assert said in line
    assert not (place / "refused").exists()


def context(folder, *overrides):
    (folder / "taught.yaml").write_text(TINY)
    experiment = load_experiment(folder / "taught.yaml", overrides)
    return Context.load(experiment, RunFolder(folder / "run"), RunProgress(stages=1))


def test_the_winner_learns_from_the_teacher_of_its_experiment(place, tmp_path):
    there = context(tmp_path, f"train.teacher={{network: {place / 'teacher'}, weight: 0.25}}", "train.epochs=1")
    assert (there.teacher.weight, there.teacher.temperature, there.teacher.side) == (0.25, 4, 12)
    architecture, recipe = Architecture.parse(PUPIL), there.experiment.train.recipe
    taught = train_and_test(there, CHECKPOINT, "winner", architecture, recipe, teacher=there.teacher)
    assert taught["best_epoch"] == 1
    with pytest.raises(InputError, match=f"another teacher .'{there.teacher.text}' there, 'nothing' here"):
        train_and_test(there, CHECKPOINT, "winner", architecture, recipe)


def test_an_experiment_names_the_line_of_its_teacher(tmp_path, capsys):
    file = tmp_path / "taught.yaml"
    file.write_text(TINY.replace("train: {epochs: 2", "train: {teacher: {network: nowhere}, epochs: 2"))
    assert run(["run", str(file), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "taught.yaml line 14: train.teacher.network: nowhere does not exist; expected a checkpoint" in said
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match=r"train\.teacher\.wait: unknown key 'wait'; did you mean 'weight'"):
        load_experiment(file, ["train.teacher.wait=1"])
