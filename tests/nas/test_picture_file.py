"""Picture files as pixels, the same for training and for prediction."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nas.picture_file import Undecodable, read_picture
from nas.train.folder import read as folder_pictures


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 200), ("RGB", (200,) * 3), ("RGBA", (200, 200, 200, 255)), ("1", 1)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_read_picture_of_any_mode_becomes_the_models(tmp_path, mode, colour, channels):
    path = tmp_path / "plain.png"
    Image.new(mode, (7, 9), colour).save(path)
    pixels = read_picture(path, (4, 6), channels)
    assert pixels.shape == (4, 6, channels)
    assert pixels.dtype == np.uint8
    assert np.all(pixels == (255 if mode == "1" else 200))


def test_read_picture_of_its_own_size_is_unchanged(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "own.png")
    assert np.array_equal(read_picture(tmp_path / "own.png", (16, 16), 3), pixels)


def test_read_picture_cuts_out_the_middle_unless_told_to_stretch(tmp_path):
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert np.all(read_picture(tmp_path / "wide.png", (4, 4), 3) == 200)
    assert np.all(read_picture(tmp_path / "wide.png", (4, 8), 3)[:, [0, -1]] < 200)
    assert np.any(read_picture(tmp_path / "wide.png", (4, 4), 3, "stretch") < 10)


def test_read_picture_is_what_a_data_set_of_the_folder_holds(tmp_path):
    folder = tmp_path / "data" / "one"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(generator.integers(0, 256, (40, 31 + number, 3), np.uint8)).save(folder / f"{number:02}.jpg")
    found = folder_pictures(tmp_path / "data", 0.01).train.images
    for number, pixels in enumerate(replace(found, resolution=16)):
        assert np.array_equal(read_picture(folder / f"{number:02}.jpg", (16, 16), 3), pixels)


def test_read_picture_is_turned_upright(tmp_path):
    path = tmp_path / "turned.jpg"
    image = Image.new("L", (16, 16), 0)
    image.paste(255, (0, 0, 16, 8))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    image.save(path, exif=exif)
    pixels = read_picture(path, (16, 16), 1)
    assert pixels[:6].mean() < 20 < 235 < pixels[10:].mean()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_read_picture_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "no.png"
    path.write_bytes(content)
    with pytest.raises(Undecodable, match="no whole picture"):
        read_picture(path, (8, 8), 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_read_picture_cut_short_is_refused(tmp_path, kind):
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, kind)
    path = tmp_path / "cut"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(Undecodable, match="no whole picture"):
        read_picture(path, (8, 8), 3)


def test_read_picture_missing_or_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(Undecodable, match=r"No such file|Is a directory"):
            read_picture(path, (8, 8), 3)


def test_read_picture_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 8), 60000, np.uint16)).save(path)
    with pytest.raises(Undecodable, match="more than 8 bits a channel"):
        read_picture(path, (8, 8), 3)


def test_read_picture_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (64, 64)).save(path)
    for most in (3000, 1000):  # Pillow warns of the first, and refuses the second
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(Undecodable, match="more pixels than are decoded safely"):
            read_picture(path, (8, 8), 3)
