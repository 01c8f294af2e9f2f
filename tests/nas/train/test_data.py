from dataclasses import replace

import numpy as np
import pytest

from nas.errors import InputError
from nas.resizing import resize, with_channels
from nas.train.data import Dataset, Split, at_resolution, stratified
from nas.train.loading import load_dataset
from nas.train.pictures import Pictures


def _sorted(*splits: Split) -> list[bytes]:
    return sorted(
        image.tobytes() + bytes([label])
        for split in splits
        for image, label in zip(split.images, split.labels, strict=True)
    )


def test_digits_are_all_there_in_three_splits() -> None:
    from sklearn.datasets import load_digits

    dataset = load_dataset("digits")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [1167, 270, 360]
    assert dataset.classes == tuple("0123456789")
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.images.shape[1:] == (8, 8, 1)
    assert dataset.train.labels.dtype == np.int32
    stored = load_digits()
    images = np.rint(stored.images[..., None] * 255 / 16).astype(np.uint8)
    assert images.max() == 255
    whole = Split(images, stored.target.astype(np.int32))
    assert _sorted(dataset.train, dataset.validation, dataset.test) == _sorted(whole)


def test_digits_are_split_by_the_seed_alone() -> None:
    first, again, other = (load_dataset("digits", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.test.images, again.test.images)
    assert np.array_equal(first.validation.images, again.validation.images)
    assert _sorted(first.test) != _sorted(other.test)


def test_test_split_does_not_depend_on_how_much_is_validated() -> None:
    assert _sorted(load_dataset("digits", validation=0.3).test) == _sorted(load_dataset("digits").test)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_class_keeps_its_share(split: str) -> None:
    labels = getattr(load_dataset("digits"), split).labels
    counts = np.bincount(labels, minlength=10)
    assert counts.min() >= 0.09 * len(labels)
    assert counts.max() <= 0.11 * len(labels)


def test_stratified_chooses_exactly_the_share() -> None:
    labels = np.array([0] * 50 + [1] * 30 + [2] * 5, np.int32)
    mask = stratified(labels, 0.2, np.random.default_rng(0))
    assert np.bincount(labels[mask]).tolist() == [10, 6, 1]


def test_limit_keeps_fewer_to_train_on_and_all_others() -> None:
    dataset, whole = load_dataset("digits", limit=100), load_dataset("digits")
    assert len(dataset.train) == 100
    assert np.bincount(dataset.train.labels).min() >= 9
    assert _sorted(dataset.validation, dataset.test) == _sorted(whole.validation, whole.test)
    assert len(load_dataset("digits", limit=5000).train) == len(whole.train)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"validation": 0.0}, "data.validation: found 0.0"),
        ({"test": 1.0}, "data.test: found 1.0"),
        ({"validation": 0.6, "test": 0.5}, "leave nothing to train on"),
        ({"limit": 0}, "data.limit: found 0"),
    ],
)
def test_shares_that_cannot_be_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_dataset("digits", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_resize_averages_what_becomes_smaller(channels: int) -> None:
    board = np.indices((16, 16)).sum(0) % 2 * 255
    images = np.repeat(board[None, :, :, None], channels, axis=3).astype(np.uint8)
    small = resize(images, 4)
    assert small.shape == (1, 4, 4, channels)
    assert small.dtype == np.uint8
    assert np.all(np.abs(small.astype(int) - 127) <= 32)


def test_resize_takes_the_centred_square() -> None:
    image = np.zeros((1, 4, 8, 3), np.uint8)
    image[:, :, 2:6] = 200
    assert np.all(resize(image, 2) == 200)


def test_resize_stretches_where_it_is_told_to() -> None:
    image = np.zeros((1, 4, 8, 3), np.uint8)
    image[:, :, 4:] = 200
    assert np.all(resize(image, 2, "stretch")[0, :, 1] > 150)


def test_grey_and_colour_become_one_another() -> None:
    grey = np.array([[[0], [77], [255]]], np.uint8)
    assert np.array_equal(with_channels(with_channels(grey, 3), 1), grey)
    with pytest.raises(InputError, match=r"found pictures of 2 channels, which cannot be made 3; .* input has 2"):
        with_channels(np.zeros((1, 1, 2), np.uint8), 3)
    assert load_dataset("digits", channels=3, limit=20).train.images.shape == (20, 8, 8, 3)


def test_resize_leaves_pictures_of_that_size_as_they_are(digits: Dataset) -> None:
    assert resize(digits.test.images, 8) is digits.test.images
    assert at_resolution(digits, 8) is digits


def test_at_resolution_resizes_every_split(digits: Dataset) -> None:
    larger = at_resolution(digits, 16)
    for name in ("train", "validation", "test"):
        before, after = getattr(digits, name), getattr(larger, name)
        assert after.images.shape == (len(before), 16, 16, 1)
        assert np.array_equal(after.labels, before.labels)
        assert abs(after.images.mean() - before.images.mean()) < 2


def test_pictures_that_do_not_fit_into_memory_are_the_same(digits: Dataset) -> None:
    held, read = at_resolution(digits, 12), at_resolution(replace(digits, memory=0), 12)
    assert isinstance(held.train.images, np.ndarray)
    assert isinstance(read.train.images, Pictures)
    assert read.train.images.shape == held.train.images.shape
    assert np.array_equal(np.asarray(read.test.images), held.test.images)
    order = np.random.default_rng(0).permutation(160).reshape(5, 32)
    for (images, labels), (expected, classes) in zip(read.train.batches(order), held.train.batches(order), strict=True):
        assert np.array_equal(images, expected)
        assert np.array_equal(labels, classes)


def test_memory_goes_to_the_splits_that_are_read_most_often(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.train.data.memory_bytes", lambda: 700 * 144)
    sized = at_resolution(replace(digits, memory=1.0), 12)
    assert [type(split.images) for split in sized.splits()] == [Pictures, np.ndarray, np.ndarray]
