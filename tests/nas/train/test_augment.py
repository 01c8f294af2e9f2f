from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.train.augment.batch import augment, normalise
from nas.train.augment.kinds import KINDS, read, written
from nas.train.augment.randaugment import OPERATIONS, operate

COUNT, SIDE = 200, 16


def _pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)


@cache
def _change(names: tuple[str, ...]) -> Any:
    return jax.jit(lambda images, labels, seed, strength: augment(images, labels, names, seed, strength))


def _augmented(*names: str, seed: int = 7, strength: float = 1.0) -> tuple[np.ndarray, Any]:
    """The pictures, of classes 0 to 199, after the named augmentations."""
    images, labels = _change(names)(_pictures(), np.arange(COUNT), np.uint32(seed), np.float32(strength))
    return np.asarray(images), jax.tree.map(np.asarray, labels)


def test_normalise_puts_pixels_between_minus_one_and_one() -> None:
    pixels = normalise(jnp.array([0, 128, 255], jnp.uint8))
    assert pixels.dtype == jnp.float32
    assert np.allclose(pixels, [-1, 128 / 127.5 - 1, 1], atol=1e-6)


def test_nothing_named_changes_nothing() -> None:
    images, labels = _augmented()
    assert np.array_equal(images, _pictures())
    assert (labels.other, labels.share) == (None, None)


@pytest.mark.parametrize("name", KINDS)
def test_every_augmentation_follows_its_seed_and_stays_among_pixels(name: str) -> None:
    images, labels = _augmented(name)
    assert images.shape == _pictures().shape
    assert images.min() >= 0
    assert images.max() <= 255
    assert not np.array_equal(images, _pictures())
    assert np.array_equal(labels.own, np.arange(COUNT))
    assert np.array_equal(images, _augmented(name)[0])
    assert not np.array_equal(images, _augmented(name, seed=8)[0])


def test_texts_are_read_to_what_they_are_written_from() -> None:
    texts = ["flip", "shift part=0.25", "erase share=1 largest=0.2", "randaugment layers=1 magnitude=7", "mixup"]
    assert [written(read(text)) for text in texts] == texts
    assert read(written(read("erase share=0.00005"))).share == 0.00005


def test_flip_mirrors_about_half_of_the_pictures() -> None:
    pictures, (flipped, _) = _pictures(), _augmented("flip")
    same = (flipped == pictures).all((1, 2, 3))
    mirrored = (flipped == pictures[:, :, ::-1]).all((1, 2, 3))
    assert np.all(same ^ mirrored)
    assert 70 < mirrored.sum() < 130


def test_shift_moves_every_picture_by_itself_and_repeats_its_edge() -> None:
    shifted, _ = _augmented("shift")
    padded = np.pad(_pictures(), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    moves = {(i, j): padded[:, i : i + SIDE, j : j + SIDE] for i in range(5) for j in range(5)}
    found = {move: (shifted == moved).all((1, 2, 3)).sum() for move, moved in moves.items()}
    assert sum(found.values()) == COUNT
    assert min(found.values()) >= 1  # all 25 are tried


def test_crop_enlarges_a_part() -> None:
    slope = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8)[:, None, None], (COUNT, SIDE, SIDE, 3))
    cropped, _ = _change(("crop",))(slope, np.arange(COUNT), np.uint32(0), np.float32(1))
    steps = np.diff(np.asarray(cropped), axis=1)[:, 4:-4]
    assert np.ptp(steps, axis=(1, 2, 3)).max() < 0.01  # still a slope, as steep as the part is high
    parts = steps[:, 0, 0, 0] / 10
    assert parts.min() > 0.49
    assert parts.min() < 0.6
    assert parts.max() > 0.95


def test_erase_covers_rectangles_of_some_pictures() -> None:
    erased, _ = _augmented("erase")
    changed = (erased != _pictures()).any(-1)
    some = changed.any((1, 2))
    assert 70 < some.sum() < 130
    areas = []
    for picture in changed[some]:
        rows, columns = (np.flatnonzero(picture.any(axis)) for axis in (1, 0))
        areas.append((np.ptp(rows) + 1) * (np.ptp(columns) + 1))
        assert picture.sum() >= 0.95 * areas[-1]
    assert min(areas) < 0.08 * SIDE**2 < 0.25 * SIDE**2 < max(areas) < 0.45 * SIDE**2
    assert np.array_equal(_augmented("erase", strength=0.0)[0], _pictures())


def test_mixup_averages_with_the_picture_before() -> None:
    mixed, labels = _augmented("mixup alpha=1")
    assert np.array_equal(labels.other, np.roll(np.arange(COUNT), 1))
    share, before = labels.share[:, None, None, None], np.roll(_pictures(), 1, axis=0)
    np.testing.assert_allclose(mixed, share * _pictures() + (1 - share) * before, atol=0.01)
    assert np.histogram(labels.share, 4, (0, 1))[0].min() > 25  # Beta(1, 1) is uniform
    assert ((labels.share < 0.1) | (labels.share > 0.9)).sum() < 80
    rare = _augmented("mixup alpha=0.1")[1].share
    assert ((rare < 0.1) | (rare > 0.9)).sum() > 120


def test_cutmix_takes_a_rectangle_whose_area_is_the_label_s() -> None:
    mixed, labels = _augmented("cutmix")
    taken = (mixed != _pictures()).any(-1)
    np.testing.assert_allclose(taken.mean((1, 2)), 1 - labels.share, atol=1e-6)
    assert np.array_equal(mixed[taken], np.roll(_pictures(), 1, axis=0)[taken])
    assert np.histogram(labels.share, 4, (0, 1))[0].min() > 20


def test_of_two_ways_to_mix_each_picture_takes_one() -> None:
    mixed, labels = _augmented("mixup alpha=1", "cutmix")
    cut = ((mixed == _pictures()) | (mixed == np.roll(_pictures(), 1, axis=0))).all((1, 2, 3))
    assert 70 < cut.sum() < 130
    assert len(set(labels.share.tolist())) > 100


@pytest.mark.parametrize("operation", ["autocontrast", "equalize"])
def test_a_channel_of_one_brightness_keeps_it(operation: str) -> None:
    images = np.full((1, 8, 8, 3), 100, np.float32)
    images[..., 0] = np.arange(64).reshape(8, 8)
    found = np.asarray(operate(images, np.array([OPERATIONS.index(operation)]), np.ones(1)))
    assert found[..., 0].max() == pytest.approx(255)
    assert np.array_equal(found[..., 1:], images[..., 1:])


def test_operations_of_randaugment_do_what_they_are_called() -> None:
    image = np.random.default_rng(1).integers(10, 200, (8, 8, 3)).astype(np.float32)
    count = len(OPERATIONS)
    at = jax.jit(partial(operate, np.repeat(image[None], count, 0), np.arange(count)))
    full, none = (
        dict(zip(OPERATIONS, np.asarray(at(size)), strict=True)) for size in (np.ones(count), np.zeros(count))
    )
    for name in OPERATIONS:
        if name not in ("autocontrast", "equalize"):
            np.testing.assert_allclose(none[name], image, atol=1e-3)
    assert np.array_equal(full["identity"], image)
    assert (full["autocontrast"].min(), full["autocontrast"].max()) == (0, pytest.approx(255))
    assert np.array_equal(full["posterize"], image // 16 * 16)
    assert np.array_equal(full["solarize"], 255 - image)
    np.testing.assert_allclose(full["brightness"], np.clip(1.9 * image, 0, 255), rtol=1e-5)
    assert full["contrast"].std() > 1.3 * image.std()
    ranks = np.argsort(np.argsort(image[..., 0].reshape(-1), kind="stable"))
    assert np.abs(full["equalize"][..., 0].reshape(-1) - 255 * ranks / 63).max() < 20
    assert np.array_equal(full["translate_x"][:, :5], image[:, 3:])
    assert np.array_equal(full["translate_y"][:5], image[3:])
    assert (full["translate_x"][:, 5:] == 128).all()
    middle = slice(3, 5)
    assert np.array_equal(full["rotate"][middle, middle], image[middle, middle])
    assert not np.array_equal(full["rotate"], image)
