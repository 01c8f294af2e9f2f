from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.report.trials import Trial, best_so_far, read_trials, tally
from nas.errors import InputError

Rows = list[dict[str, Any]]
HEADER = "number,state,digest,validation_accuracy,latency_ms,params,macs,duplicate_of,reason,seconds,architecture\n"


def _csv(folder: Path, text: str) -> Path:
    path = folder / "trials.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_trials_are_read_with_their_values(make_run: Callable[..., Path], rows: Rows) -> None:
    trials = read_trials(make_run(rows) / "trials.csv")
    assert [trial.number for trial in trials] == list(range(45))
    trained = next(trial for trial in trials if trial.state == "trained")
    row = rows[trained.number]
    assert trained.point == (row["validation_accuracy"], row["latency_ms"])
    assert (trained.params, trained.macs, trained.digest) == (row["params"], row["macs"], row["digest"])
    assert "\n".join(trained.architecture) == row["architecture"].replace("; ", "\n")


def test_trials_without_a_training_have_no_point(make_run: Callable[..., Path], rows: Rows) -> None:
    others = [trial for trial in read_trials(make_run(rows) / "trials.csv") if trial.state != "trained"]
    assert {trial.state for trial in others} == {"infeasible", "duplicate", "failed"}
    assert all(trial.point is None for trial in others)
    assert all(trial.duplicate_of is not None for trial in others if trial.state == "duplicate")


def test_trials_come_in_the_order_of_their_numbers(make_run: Callable[..., Path], rows: Rows) -> None:
    trials = read_trials(make_run(rows[::-1]) / "trials.csv")
    assert [trial.number for trial in trials] == list(range(45))


def test_trials_with_a_header_alone_are_none_yet(tmp_path: Path) -> None:
    assert read_trials(_csv(tmp_path, HEADER)) == ()


def test_trials_may_tell_the_accuracy_after_each_epoch(tmp_path: Path) -> None:
    header, row = HEADER.strip() + ",accuracies\n", "0,pruned,ab,,0.2,1,1,,behind,1.0,input 8x8x1,"
    (trial,) = read_trials(_csv(tmp_path, f"{header}{row}0.25 0.5\n"))
    assert (trial.accuracies, trial.accuracy, trial.point) == ((0.25, 0.5), None, None)
    with pytest.raises(InputError, match="line 2: accuracies is 'a'; expected numbers with spaces between"):
        read_trials(_csv(tmp_path, f"{header}{row}a\n"))


def test_trials_whose_accuracy_is_nan_have_none(tmp_path: Path) -> None:
    (trial,) = read_trials(_csv(tmp_path, HEADER + "0,failed,ab,nan,0.2,1,1,,loss became NaN,1.0,input 8x8x1\n"))
    assert trial.accuracy is None
    assert trial.reason == "loss became NaN"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: has no column 'number'"),
        ("a,b\n1,2\n", "line 1: has no column 'number'"),
        (HEADER + "0,traind,,,,,,,,,\n", "line 2: unknown state 'traind'; did you mean 'trained'?"),
        (HEADER + "0,trained,,high,,,,,,,\n", "line 2: validation_accuracy is 'high'; expected a number"),
        (HEADER + "0,failed,,,,,,,,,\n,failed,,,,,,,,,\n", "line 3: has no number"),
        (HEADER + "0\n", "line 2: found 1 fields; expected 11, one for each column"),
    ],
)
def test_trials_that_no_run_wrote_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_trials(_csv(tmp_path, text))
    assert said in str(error.value)
    assert str(tmp_path / "trials.csv") in str(error.value)
    assert "\n" not in str(error.value)


def test_best_so_far_rises_at_each_better_trained_trial() -> None:
    accuracies = [None, 0.5, 0.4, 0.7, 0.7, 0.9]
    states = ["infeasible", "trained", "trained", "trained", "trained", "duplicate"]
    trials = [Trial(n, state, accuracy=a) for n, (state, a) in enumerate(zip(states, accuracies, strict=True))]
    assert best_so_far(trials) == [(1, 0.5), (3, 0.7)]
    assert best_so_far([]) == []


def test_tally_counts_states_and_distinct_architectures(make_run: Callable[..., Path], rows: Rows) -> None:
    counts = tally(read_trials(make_run(rows) / "trials.csv"))
    assert counts.trials == 45
    assert counts.architectures == 40
    assert (counts.duplicate, counts.failed) == (5, 1)
    assert counts.trained + counts.infeasible == 39
