import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.errors import InputError
from nas.train.data import at_resolution
from nas.train.loading import load_dataset

COLOURS = {"blue": (0, 0, 250), "green": (0, 250, 0), "red": (250, 0, 0)}


def paint(folder: Path, count: int = 10, first: int = 0) -> Path:
    """A folder with pictures of three classes, of several sizes and formats."""
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(first, first + count):
            size = (20 + number, 24)
            suffix = ("png", "jpg", "webp")[number % 3]
            Image.new("RGB", size, colour).save(folder / name / f"{number}.{suffix}")
    return folder


def test_a_subfolder_is_a_class(tmp_path: Path) -> None:
    dataset = at_resolution(load_dataset(str(paint(tmp_path / "colours"))), 8)
    assert dataset.name == "colours"
    assert dataset.classes == ("blue", "green", "red")
    assert [len(split) for split in dataset.splits()] == [19, 5, 6]
    for split in dataset.splits():
        assert split.images.shape == (len(split), 8, 8, 3)
        means = np.asarray(split.images).mean((1, 2))
        assert np.array_equal(means.argmax(-1), 2 - split.labels)
    assert dataset.complaint == ""


@pytest.mark.parametrize("name", [b"red\ngreen", b"\xff\xfe"])
def test_a_subfolder_whose_name_is_no_line_of_text_is_refused(tmp_path: Path, name: bytes) -> None:
    paint(tmp_path / "colours")
    (tmp_path / "colours" / "red").rename(tmp_path / "colours" / os.fsdecode(name))
    with pytest.raises(InputError, match=r"found a class called '.*' in colours; expected a line of text in UTF-8"):
        load_dataset(f"{tmp_path}/colours")


def test_the_folder_above_one_of_classes_is_refused(tmp_path: Path) -> None:
    paint(tmp_path / "above" / "colours")
    with pytest.raises(
        InputError, match=r"found 1 class \('colours'\) in above; expected at least 2, in a folder a subf"
    ):
        load_dataset(f"{tmp_path}/above")


def test_subfolders_may_be_splits(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "val", "test")):
        paint(tmp_path / name, 4 - number, first=10 * number)
    dataset = load_dataset(f"{tmp_path}/")
    assert [len(split) for split in dataset.splits()] == [12, 9, 6]
    assert dataset.classes == ("blue", "green", "red")


def test_grey_is_read_as_colour_and_upright(tmp_path: Path) -> None:
    paint(tmp_path, 4)
    turned = Image.new("L", (30, 10), 200)
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was turned
    turned.save(tmp_path / "red" / "0.png", exif=exif)
    dataset = load_dataset(f"{tmp_path}/", channels=1, test=0.01)
    assert dataset.channels == 1
    sizes = {image.shape for place in range(12) if (image := dataset.train.images.source.decode(place, None)).shape}
    assert (30, 10, 3) in sizes


def test_a_few_pictures_that_cannot_be_decoded_are_named_and_left_out(tmp_path: Path) -> None:
    paint(tmp_path)
    (tmp_path / "red" / "0.png").write_bytes(b"no picture")
    whole = (tmp_path / "green" / "1.jpg").read_bytes()
    (tmp_path / "green" / "1.jpg").write_bytes(whole[: len(whole) // 2])
    dataset = load_dataset(f"{tmp_path}/", unreadable=0.1)
    sized = at_resolution(dataset, 8)
    assert sum(map(len, sized.splits())) == 28
    assert all(len(split.images) == len(split.labels) for split in sized.splits())
    assert dataset.complaint.startswith("2 of 30 pictures cannot be decoded: ")
    assert "green/1.jpg (no whole picture)" in dataset.complaint
    with pytest.raises(InputError, match=r"data.unreadable: . of 30 pictures .*expected at most 0.01") as raised:
        at_resolution(load_dataset(f"{tmp_path}/"), 8)
    assert "\n" not in str(raised.value)


def test_splits_that_share_pictures_are_refused(tmp_path: Path) -> None:
    paint(tmp_path / "train")
    paint(tmp_path / "test", first=20)
    os.link(tmp_path / "train" / "red" / "3.png", tmp_path / "test" / "red" / "again.png")
    with pytest.raises(InputError, match="1 of 30 pictures are both in test and in train; expected splits that do not"):
        load_dataset(f"{tmp_path}/")


def test_a_file_of_a_split_that_cannot_be_read_is_one_that_cannot_be_decoded(tmp_path: Path) -> None:
    paint(tmp_path / "train")
    paint(tmp_path / "test", first=20)
    (tmp_path / "train" / "red" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "test" / "red" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    dataset = load_dataset(f"{tmp_path}/", unreadable=0.1)
    sized = at_resolution(dataset, 8)
    assert "red/gone.png (No such file or directory)" in dataset.complaint
    assert sum(map(len, sized.splits())) == 60


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ([], "does not exist|cannot be read"),
        (["one.png"], "has no subfolders; expected one of pictures for each class"),
        (["a/notes.txt"], "a: holds no pictures; expected some"),
        (["test/a/1.png"], "has test; expected train too"),
        (["train/a/1.png", "other/a/1.png"], "other: stands beside splits; expected only train"),
        (["train/a/1.png", "test/b/1.png"], "test/b: is no class to train on; expected among a"),
        (["val/a/1.png", "validation/a/1.png", "train/a/2.png"], "validation: is the same split as val"),
    ],
)
def test_folders_of_another_form_are_refused(tmp_path: Path, make: list[str], said: str) -> None:
    for name in make:
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    with pytest.raises(InputError, match=said) as raised:
        load_dataset(str(tmp_path / "data"))
    assert "\n" not in str(raised.value)
