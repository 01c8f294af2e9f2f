import json
import shutil
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.train import Dataset, Epoch, Recipe, Trained, logits, train
from nas.train.checkpoint import best_epoch, load_trained
from nas.train.data import with_pictures

# At too high a rate accuracy goes up and down.
RECIPE = Recipe(epochs=6, batch_size=32, learning_rate=2, schedule="constant", warmup_epochs=0)
PLAIN = Architecture.parse("input 8x8x1\nstem conv k3 c8\nhead pool\nhead dense c10\n")


def _kept(folder: Path) -> list[int]:
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())


@pytest.fixture(scope="module")
def whole(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """A training without interruption, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return train(PLAIN, digits, RECIPE, checkpoints=folder), folder


def test_latest_and_best_are_kept(whole: tuple[Trained, Path], digits: Dataset) -> None:
    trained, folder = whole
    scores = [epoch.validation_accuracy for epoch in trained.history]
    highest = max(scores)
    enough = highest - (highest * (1 - highest) / len(digits.validation)) ** 0.5
    best = max(epoch for epoch in range(1, 7) if scores[epoch - 1] >= enough)
    assert set(_kept(folder)) == {best, 6}
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    kept, last = load_trained(folder), load_trained(folder, best=False)
    assert (kept.epoch, last.epoch) == (best, 6)
    assert len(kept.history) == best
    assert kept.architecture == PLAIN
    images = digits.validation.images
    assert np.array_equal(logits(last.network, images), logits(trained.network, images))
    assert np.mean(logits(kept.network, images).argmax(-1) == digits.validation.labels) == scores[best - 1]
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("scores", "pictures", "best"),
    [
        ((0.5, 0.7, 0.7), 0, 3),
        ((0.5, 0.71, 0.7), 0, 2),
        ((0.5, 0.71, 0.7), 100, 3),  # a standard error is 4.5 points
        ((0.5, 0.71, 0.66), 100, 2),
        ((0.71, 0.68, 0.66), 100, 2),  # what is as good as the second is not as good as the first
        ((1.0, 0.99, 0.98), 100, 1),
    ],
)
def test_of_epochs_as_good_as_the_best_the_last_is_taken(scores: tuple[float, ...], pictures: int, best: int) -> None:
    history = [{"epoch": epoch, "validation_accuracy": score} for epoch, score in enumerate(scores, 1)]
    assert best_epoch([1, 2, 3], history, pictures) == best


def test_of_the_epochs_that_are_left_the_best_is_taken() -> None:
    history = [{"epoch": epoch, "validation_accuracy": score} for epoch, score in enumerate((0.9, 0.5, 0.6, 0.4), 1)]
    assert best_epoch([2, 3, 4], history, 100) == 3


def test_a_full_disk_is_one_line_and_destroys_nothing(
    whole: tuple[Trained, Path], digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(report: Epoch) -> None:
        if report.epoch == 3:
            used = shutil.disk_usage(tmp_path)._replace(free=9_000)
            monkeypatch.setattr("nas.train.checkpoint.shutil.disk_usage", lambda _: used)

    with pytest.raises(InputError, match=r"c: a checkpoint cannot be written \(No space left on device, 9,000 bytes"):
        train(PLAIN, digits, RECIPE, checkpoints=tmp_path / "c", progress=fill)
    monkeypatch.undo()
    assert 3 in _kept(tmp_path / "c")
    assert load_trained(tmp_path / "c", best=False).epoch == 3
    resumed = train(PLAIN, digits, RECIPE, checkpoints=tmp_path / "c")
    assert [(e.loss, e.validation_accuracy) for e in resumed.history] == [
        (e.loss, e.validation_accuracy) for e in whole[0].history
    ]
    assert _kept(tmp_path / "c") == _kept(whole[1])


def test_another_architecture_is_told_by_its_parameters(whole: tuple[Trained, Path], digits: Dataset) -> None:
    wider = Architecture.parse(PLAIN.text.replace("c8", "c16"))
    with pytest.raises(
        InputError, match=r"6 parameters differ: head2.block1.conv.kernel 1x1x8x10 there, 1x1x16x10 here; "
    ) as raised:
        train(wider, digits, RECIPE, checkpoints=whole[1])
    assert "\n" not in str(raised.value)
    assert load_trained(whole[1]).architecture == PLAIN


def test_other_pictures_are_another_training(whole: tuple[Trained, Path], digits: Dataset) -> None:
    fewer = with_pictures(digits, 64, 0)
    with pytest.raises(InputError, match=r"another number of pictures to train on \('\d+' there, '64' here\)"):
        train(PLAIN, fewer, RECIPE, checkpoints=whole[1])


def test_what_earlier_versions_did_not_note_is_taken_as_it_is(whole: tuple[Trained, Path], digits: Dataset) -> None:
    folder = whole[1]
    with patch.dict("nas.train.checkpoint._NOTED_LATER", clear=True):  # all is asked, so all was noted
        assert train(PLAIN, digits, RECIPE, checkpoints=folder).history == whole[0].history
    about = json.loads((folder / "6" / "about" / "metadata").read_text())
    for what in ("validation", "pictures", "devices"):
        del about[what]
    (folder / "6" / "about" / "metadata").write_text(json.dumps(about))
    assert train(PLAIN, digits, RECIPE, checkpoints=folder).history == whole[0].history


def test_folders_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no checkpoint; expected a training that ended an epoch"):
        load_trained(tmp_path)
    with pytest.raises(InputError, match="nothing: does not exist"):
        load_trained(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
