from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.errors import InputError
from nas.train.loading import load_dataset
from nas.train.pictures import Pictures

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 6), np.uint8)
LABELS = np.arange(60) % 3


def test_one_set_is_split_by_the_seed(tmp_path: Path) -> None:
    file = tmp_path / "things.npz"
    np.savez(file, images=IMAGES, labels=LABELS, classes=np.array(["ant", "bee", "cat"]))
    dataset = load_dataset(str(file))
    assert dataset.name == "things"
    assert dataset.classes == ("ant", "bee", "cat")
    assert [len(split) for split in dataset.splits()] == [39, 9, 12]
    assert dataset.train.images.shape == (39, 6, 6, 1)


@pytest.mark.parametrize("name", ["a\nb", "a\x85b", "a\x1bb", "a\u2028b", "\udcff\udcfe", "", "  "])
def test_a_class_whose_name_is_no_line_is_refused(tmp_path: Path, name: str) -> None:
    """Files of labels would have another number of lines, or could not be written."""
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=np.array(["ant", name, "cat"]))
    with pytest.raises(InputError, match=r"found a class called '.*' in a; expected a line of text in UTF-8") as raised:
        load_dataset(str(tmp_path / "a.npz"))
    assert str(raised.value).isprintable()


def test_classes_may_be_called_in_any_script(tmp_path: Path) -> None:
    names = ("\u30a2\u3000\u30ea", "\u0645\u06cc\u200c\u0631\u0648\u062f", "na\u00efve\u00a0ant")
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=np.array(names))
    assert load_dataset(str(tmp_path / "a.npz")).classes == names


@pytest.mark.parametrize("prefixes", [("train_{}", "test_{}"), ("{}_train", "{}_test")])
def test_splits_may_be_given(tmp_path: Path, prefixes: tuple[str, str]) -> None:
    words = ("images", "labels") if prefixes[0].startswith("train") else ("x", "y")
    parts = [(IMAGES[:40], LABELS[:40]), (IMAGES[40:], LABELS[40:, None])]
    arrays = {p.format(w): a for p, part in zip(prefixes, parts, strict=True) for w, a in zip(words, part, strict=True)}
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = load_dataset(str(tmp_path / "a.npz"))
    assert np.array_equal(dataset.test.images[..., 0], IMAGES[40:])
    assert [len(split) for split in dataset.splits()] == [34, 6, 20]


def test_a_folder_of_arrays_may_stay_on_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    held, left = (load_dataset(f"{tmp_path}/", memory=memory) for memory in (0.25, 1e-12))
    assert np.array_equal(held.train.images, left.train.images)
    assert all(isinstance(split.images, Pictures) for split in left.splits())
    assert isinstance(left.train.images.source.images, np.memmap)  # type: ignore[union-attr]
    coloured = [load_dataset(f"{tmp_path}/", memory=memory, channels=3, resolution=4) for memory in (0.25, 1e-12)]
    assert np.array_equal(coloured[0].train.images, coloured[1].train.images)
    assert coloured[1].train.images.shape[1:] == (4, 4, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": None}, "holds labels; expected images and labels"),
        ({"labels": None}, "has images and no labels; expected both"),
        ({"images": IMAGES / 255}, "images: is of float64; expected uint8"),
        ({"images": IMAGES[0]}, r"images: has shape \(6, 6\); expected \(N, H, W\)"),
        ({"labels": LABELS[:-1]}, r"labels: is int64 of shape \(59,\); expected 60 integers"),
        ({"labels": LABELS * 1.0}, "labels: is float64"),
        ({"labels": LABELS - 1}, "labels: reaches from -1 to 1; expected class numbers from 0 to 99999"),
        ({"labels": LABELS + 99_999}, "labels: reaches from 99999 to 100001; expected class numbers from 0 to 99999"),
        ({"labels": LABELS * 0}, r"found 1 class \('0'\) in a; expected at least 2, in a folder a subfolder for each"),
        ({"labels": LABELS + 1}, r"no picture to train on has class 0 \('0'\)"),
        ({"classes": np.array(["a", "b"])}, "labels for train reach from 0 to 2; expected 0 to 1, the 2 classes"),
        ({"classes": np.array([1, 2, 3])}, "classes is int64; expected texts"),
        ({"test_images": IMAGES, "test_labels": LABELS}, "60 of 60 pictures are both in train and in test"),
        ({"test_images": IMAGES[:, 1:], "test_labels": LABELS}, "pictures are of shapes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    arrays = {"images": IMAGES, "labels": LABELS, **changes}
    np.savez(tmp_path / "a.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=said) as raised:
        load_dataset(str(tmp_path / "a.npz"))
    assert "\n" not in str(raised.value)


def test_files_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    for name in ("absent.npz", "text.npz"):
        (tmp_path / "text.npz").write_text("text")
        with pytest.raises(InputError, match=f"{name}: cannot be read"):
            load_dataset(str(tmp_path / name))


def test_an_archive_that_is_none_or_is_damaged_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, IMAGES)
    np.savez_compressed(tmp_path / "damaged.npz", images=IMAGES, labels=LABELS)
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[200:400] = bytes(200)
    (tmp_path / "damaged.npz").write_bytes(content)
    for name in ("single", "damaged"):
        with pytest.raises(InputError, match=f"{name}.npz: cannot be read") as raised:
            load_dataset(str(tmp_path / f"{name}.npz"))
        assert "\n" not in str(raised.value)


def test_a_home_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="found '~nobody-here/pictures'; expected the home of a user that there is"):
        load_dataset("~nobody-here/pictures")
