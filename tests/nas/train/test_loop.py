from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.train import Dataset, Epoch, Recipe, Trained, TrainingFailed, accuracy, train


class _Stopped(Exception):
    pass


def _stop_after(epoch: int) -> object:
    def progress(report: Epoch) -> None:
        if report.epoch == epoch:
            raise _Stopped

    return progress


def _numbers(trained: Trained) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(trained.network, (nnx.Param, nnx.BatchStat)))]


def test_training_learns_digits(small: Architecture, digits: Dataset) -> None:
    reports: list[Epoch] = []
    recipe = Recipe(epochs=30, batch_size=16, learning_rate=1e-2)
    trained = train(small, digits, recipe, progress=reports.append)
    assert tuple(reports) == trained.history
    assert [report.epoch for report in reports] == list(range(1, 31))
    assert reports[-1].loss < reports[0].loss - 0.5
    assert trained.validation_accuracy > 0.6
    assert accuracy(trained.network, digits.validation) == trained.validation_accuracy
    assert accuracy(trained.network, digits.test) > 0.55
    assert 0 < trained.first_step_seconds < reports[0].seconds < trained.seconds
    assert reports[-1].seconds_left == 0
    assert all(report.images_per_second > 0 for report in reports)


# All that is random, kept or changes on the way.
EVERYTHING: dict[str, Any] = {
    "optimizer": "lamb",
    "schedule": "step",
    "ema": 0.9,
    "gradient_clip": 1.0,
    "augment": ("shift", "cutmix"),
    "stochastic_depth": 0.5,
    "dropout": 0.2,
    "accumulate": 2,
    "precision": "bfloat16",
    "progressive_stages": 2,
}


@pytest.mark.parametrize("change", [{}, EVERYTHING], ids=["simple", "everything"])
def test_a_resumed_training_ends_in_the_numbers_of_an_uninterrupted_one(
    small: Architecture, digits: Dataset, brief: Recipe, tmp_path: Path, change: dict[str, Any]
) -> None:
    recipe = replace(brief, **change)
    whole = train(small, digits, recipe, seed=4)
    with pytest.raises(_Stopped):
        train(small, digits, recipe, seed=4, checkpoints=tmp_path / "c", progress=_stop_after(2))  # type: ignore[arg-type]
    reports: list[Epoch] = []
    resumed = train(small, digits, recipe, seed=4, checkpoints=tmp_path / "c", progress=reports.append)
    assert [report.epoch for report in reports] == [3]
    assert [(e.loss, e.validation_accuracy) for e in resumed.history] == [
        (e.loss, e.validation_accuracy) for e in whole.history
    ]
    for mine, theirs in zip(_numbers(resumed), _numbers(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_finished_training_is_not_done_again(
    small: Architecture, digits: Dataset, brief: Recipe, tmp_path: Path
) -> None:
    first = train(small, digits, brief, checkpoints=tmp_path)
    reports: list[Epoch] = []
    again = train(small, digits, brief, checkpoints=tmp_path, progress=reports.append)
    assert reports == []
    assert again.history == first.history
    assert again.first_step_seconds == 0
    for mine, theirs in zip(_numbers(again), _numbers(first), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_seed_decides(small: Architecture, digits: Dataset, brief: Recipe) -> None:
    first, again, other = (train(small, digits, replace(brief, epochs=1), seed=seed) for seed in (1, 1, 2))
    assert first.history[0].loss == again.history[0].loss != other.history[0].loss


def test_a_folder_of_another_training_is_refused_and_left_alone(
    small: Architecture, digits: Dataset, brief: Recipe, tmp_path: Path
) -> None:
    first = train(small, digits, brief, checkpoints=tmp_path)
    other = Architecture.parse(small.text.replace("c8", "c16"))
    for architecture, recipe, seed, said in [
        (other, brief, 0, "another architecture .'stem  conv k3 s1 c8 act=relu6' there, 'stem  conv k3 s1 c16"),
        (small, replace(brief, epochs=9), 0, "another recipe .'epochs 3' there, 'epochs 9' here"),
        (small, brief, 1, "another seed .'0' there, '1' here"),
    ]:
        with pytest.raises(InputError, match=said) as raised:
            train(architecture, digits, recipe, seed=seed, checkpoints=tmp_path)
        assert "\n" not in str(raised.value)
    assert train(small, digits, brief, checkpoints=tmp_path).history == first.history


def test_a_loss_that_is_no_number_ends_the_training(small: Architecture, digits: Dataset) -> None:
    recipe = Recipe(epochs=20, batch_size=32, optimizer="sgd", learning_rate=100, weight_decay=10, warmup_epochs=0)
    with pytest.raises(
        TrainingFailed, match=r"the loss became (nan|inf) at step \d+ of epoch \d+, at a learning rate of"
    ):
        train(small, digits, recipe)


def test_what_does_not_fit_is_refused(small: Architecture, digits: Dataset, brief: Recipe) -> None:
    with pytest.raises(InputError, match="its input has 3 channels; expected the 1 of digits"):
        train(small.with_input(channels=3), digits, brief)
    with pytest.raises(InputError, match="has 7 outputs; expected 10, the classes of digits"):
        train(small.with_classes(7), digits, brief)
    with pytest.raises(InputError, match="batch_size: found 161; expected at most 160"):
        train(small, digits, replace(brief, batch_size=161))


def test_pictures_are_resized_to_the_architecture(small: Architecture, digits: Dataset, brief: Recipe) -> None:
    trained = train(small.with_input(12), digits, replace(brief, epochs=1))
    assert np.isfinite(trained.history[0].loss)


def test_a_damaged_checkpoint_is_refused_in_one_line(
    small: Architecture, digits: Dataset, brief: Recipe, tmp_path: Path
) -> None:
    train(small, digits, brief, checkpoints=tmp_path)
    for file in tmp_path.rglob("*"):
        if file.is_file() and "about" in str(file):
            file.write_bytes(b"{")
    with pytest.raises(InputError, match=r"cannot be restored \(.*\); expected a whole checkpoint") as error:
        train(small, digits, brief, checkpoints=tmp_path)
    assert "\n" not in str(error.value)
