"""`nas scale --search`: proportions by short trainings, kept in a study and taken up again."""

import csv
import json

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from experiments.cli import run
from experiments.proportion_study import ProportionStudy
from nas.architecture import Architecture
from nas.search.in_process import InProcess
from nas.search.trainer import Ended
from nas.trace import trace
from scaling import Rules, proportions
from tests.studies import storage_in

SMALL = """
input 8x8x1
stem conv k3 s1 c8 act=relu6
stage conv k3 s2 c8 act=relu6
head pool
head dense c10
"""
OPTIONS = ("--data", "digits", "--epochs", "1", "--pictures", "128", "--parts", "1", "--divisor", "2")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    file = tmp_path_factory.mktemp("network") / "small.arch"
    file.write_text(SMALL)
    return str(file)


@pytest.fixture(scope="module")
def searched(small, tmp_path_factory):
    """The folder of a search that has ended."""
    out = tmp_path_factory.mktemp("runs") / "proportions"
    assert run(["scale", small, "--search", *OPTIONS, "--out", str(out)]) == 0
    return out


def trials_in(out):
    with storage_in(out) as storage:
        return optuna.load_study(study_name="small", storage=storage).get_trials()


def test_search_writes_the_proportions_and_the_chosen_coefficients(searched):
    rows = list(csv.DictReader((searched / "proportions.csv").read_text().splitlines()))
    assert [(row["alpha"], row["beta"], row["gamma"]) for row in rows] == [
        ("1.0", "1.0", "1.4142"),
        ("1.0", "1.4142", "1.0"),
    ]
    assert all(1.7 <= float(row["times"]) <= 2.3 and 0 <= float(row["accuracy"]) <= 1 for row in rows)
    chosen = yaml.safe_load((searched / "coefficients.yaml").read_text())
    assert chosen["accuracy"] == max(float(row["accuracy"]) for row in rows)
    assert 1 <= chosen["as_good"] <= 2


def test_search_is_an_optuna_study(searched):
    trials = trials_in(searched)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    assert [trial.params["gamma"] for trial in trials] == [1.4142, 1]
    assert trials[0].user_attrs["architecture"].startswith("input 12x12x1")


def test_pictures_are_normalised_as_asked(small, tmp_path, capsys):
    normalise = ["--set", "data.normalise={mean: [0.5], std: [0.25]}"]
    assert run(["scale", small, "--search", *OPTIONS, *normalise, "--out", str(tmp_path / "own")]) == 0
    assert "normalise mean=0.5 std=0.25" in trials_in(tmp_path / "own")[0].user_attrs["architecture"]
    colours = ["--set", "data.normalise=imagenet", "--out", str(tmp_path / "colours")]
    assert run(["scale", small, "--search", *OPTIONS, *colours]) == 2
    assert "data.normalise: found 3 numbers to normalise pictures of 1 channel by" in capsys.readouterr().err
    assert not (tmp_path / "colours").exists()


def test_the_chosen_coefficients_are_usable(small, searched, capsys):
    chosen = yaml.safe_load((searched / "coefficients.yaml").read_text())["coefficients"]
    options = [f"--{name}={value}" for name, value in chosen.items()]
    assert run(["scale", small, "--phi", "1", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["members"][0]["phi"] == 1


def test_the_command_that_is_advised_rounds_as_the_search_did(small, searched, capsys):
    assert run(["scale", small, "--search", *OPTIONS, "--out", str(searched)]) == 0
    (use,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("use: nas ")]
    assert use.endswith(" --divisor 2")
    assert yaml.safe_load((searched / "coefficients.yaml").read_text())["rules"] == "--divisor 2"
    assert run(use.removeprefix("use: nas ").split()) == 0


def test_search_goes_on_after_what_is_in_the_study(small, searched, capsys):
    before = trials_in(searched)
    assert run(["scale", small, "--search", *OPTIONS, "--out", str(searched), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [trial.datetime_complete for trial in trials_in(searched)] == [t.datetime_complete for t in before]
    assert [row["accuracy"] for row in result["rows"]] == sorted((t.value for t in before), reverse=True)


def test_workers_find_what_one_process_finds(small, searched, tmp_path):
    out = tmp_path / "proportions"
    assert run(["scale", small, "--search", *OPTIONS, "--workers", "2", "--out", str(out)]) == 0
    mine, theirs = (list(csv.DictReader((o / "proportions.csv").read_text().splitlines())) for o in (out, searched))
    for one, other in zip(mine, theirs, strict=True):
        assert float(one.pop("accuracy")) == pytest.approx(float(other.pop("accuracy")), abs=0.1)
        assert one == other


def test_a_trial_that_was_cut_short_is_taken_up(tmp_path):
    """As a killed search leaves its study: the first trial has ended, the second has begun."""
    found = proportions(Architecture.parse(SMALL), lambda a: float(trace(a).macs), 1, Rules(divisor=2))
    trainer = InProcess(lambda number, _architecture, _judge: Ended(number, 0.5 + number / 10))
    with ProportionStudy(tmp_path, "small") as begun:
        next(begun.run(found, trainer))
        begun._trial(1, found[1])
    with ProportionStudy(tmp_path, "small") as again:
        assert [number for number, _ in again.run(found, trainer)] == [0, 1]
        assert [ended.accuracy for ended in again.ended().values()] == [0.5, 0.6]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--search",), "--search: trains networks; expected --data with it"),
        (("--epochs", "3"), "--epochs: is of a search for coefficients; expected --search with it"),
        (("--search", "--data", "digits", "--alpha", "1.1"), "--alpha: is what --search looks for"),
        (("--search", "--data", "digits", "--to", "b1"), "found --to and --search; expected one of"),
        (("--search", "--data", "digits", "--cost", "tpu"), "cost: unknown device 'tpu'."),
        (("--search", "--data", "digits", "--cost", "host"), "measures files"),
        (("--search", "--data", "digits", "--parts", "0"), "parts: found 0; expected"),
    ],
)
def test_what_cannot_be_searched_is_one_line(small, tmp_path, capsys, arguments, said):
    assert run(["scale", small, *arguments, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


def test_networks_that_cannot_be_scaled_are_refused_before_training(tmp_path, capsys):
    assert run(["scale", "mnist-perceptron", "--search", "--data", "digits", "--out", str(tmp_path / "out")]) == 2
    assert "has only dense layers" in capsys.readouterr().err
