"""Pictures to class names: every kind of file, and labels that fit or do not."""

import io

import numpy as np
import pytest
from PIL import Image

from nas.errors import InputError
from nas.export.predict import predict_pictures, read_picture, softmax
from nas.export.run import LiteModel
from tests.nas.export.networks import CLASSES, SIZE, noise


@pytest.fixture
def model(files):
    return LiteModel(files["int8"], trusted=True)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(noise(1)[0]).save(path)
    return path


def test_predict_pictures_are_what_the_model_says_of_the_pixels(model, picture):
    (prediction,) = predict_pictures(model, [picture], top=CLASSES)
    expected = softmax(model.predict(noise(1)))[0]
    assert prediction.image == str(picture)
    assert [guess.index for guess in prediction.top] == np.argsort(-expected, kind="stable").tolist()
    assert [guess.probability for guess in prediction.top] == pytest.approx(sorted(expected, reverse=True))
    assert sum(guess.probability for guess in prediction.top) == pytest.approx(1)
    assert prediction.top[0].label == f"class {prediction.top[0].index}"


def test_predict_pictures_gives_the_likeliest(model, picture):
    predictions = predict_pictures(model, [picture, picture], top=2)
    assert [len(prediction.top) for prediction in predictions] == [2, 2]
    assert len(predict_pictures(model, [picture], top=100)[0].top) == CLASSES


def test_predict_pictures_probabilities_are_left_alone(tensorflow_file, tmp_path):
    path = tensorflow_file(
        "softmax", lambda tf, x: tf.nn.softmax(4 * tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 3])), (1, 8, 8, 3)
    )
    image = tmp_path / "red.png"
    Image.new("RGB", (8, 8), (255, 0, 0)).save(image)
    (prediction,) = predict_pictures(LiteModel(path, trusted=True), [image])
    assert prediction.top[0].label == "0"
    assert 0.6 < prediction.top[0].probability < 1  # a second softmax gives 0.58 at most


def test_predict_pictures_labels_from_a_file_or_given(model, picture, tmp_path):
    names = [f"name {number}" for number in range(CLASSES)]
    labels = tmp_path / "names.txt"
    labels.write_text("\n".join(names) + "\n\n")
    for given in (labels, str(labels), names):
        assert predict_pictures(model, [picture], given)[0].top[0].label.startswith("name ")


@pytest.mark.parametrize("count", [0, CLASSES - 1, CLASSES + 1])
def test_predict_pictures_labels_of_another_number_are_refused(model, picture, tmp_path, count):
    labels = tmp_path / "names.txt"
    labels.write_text("name\n" * count)
    with pytest.raises(InputError, match=rf"names\.txt: has {count} class names; the model has 10 outputs"):
        predict_pictures(model, [picture], labels)
    with pytest.raises(InputError, match=f"there are {count} labels"):
        predict_pictures(model, [picture], ["name"] * count)


def test_predict_pictures_missing_labels_are_refused(model, picture, tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        predict_pictures(model, [picture], tmp_path / "none.txt")


def test_predict_pictures_top_of_none_is_refused(model, picture):
    with pytest.raises(InputError, match="top is 0"):
        predict_pictures(model, [picture], top=0)


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 200), ("RGB", (200,) * 3), ("RGBA", (200, 200, 200, 255)), ("1", 1)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_read_picture_of_any_mode_becomes_the_models(tmp_path, mode, colour, channels):
    path = tmp_path / "plain.png"
    Image.new(mode, (7, 9), colour).save(path)
    pixels = read_picture(path, 4, 6, channels)
    assert pixels.shape == (4, 6, channels)
    assert pixels.dtype == np.uint8
    assert np.all(pixels == (255 if mode == "1" else 200))


def test_read_picture_of_its_own_size_is_unchanged(picture):
    assert np.array_equal(read_picture(picture, SIZE, SIZE, 3), noise(1)[0])


def test_read_picture_is_turned_upright(tmp_path):
    path = tmp_path / "turned.jpg"
    image = Image.new("L", (16, 16), 0)
    image.paste(255, (0, 0, 16, 8))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    image.save(path, exif=exif)
    pixels = read_picture(path, 16, 16, 1)
    assert pixels[:6].mean() < 20 < 235 < pixels[10:].mean()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_read_picture_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "no.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"no\.png: is no whole picture; expected a picture such as PNG or JPEG"):
        read_picture(path, 8, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_read_picture_cut_short_is_refused(tmp_path, kind):
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, kind)
    path = tmp_path / "cut"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(InputError, match="cut: is no whole picture"):
        read_picture(path, 8, 8, 3)


def test_read_picture_missing_or_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_picture(path, 8, 8, 3)


def test_read_picture_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 8), 60000, np.uint16)).save(path)
    with pytest.raises(InputError, match="has more than 8 bits a channel"):
        read_picture(path, 8, 8, 3)


def test_read_picture_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (64, 64)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    with pytest.raises(InputError, match="more pixels than are decoded safely"):
        read_picture(path, 8, 8, 3)


def test_read_picture_for_other_channels_is_refused(picture):
    with pytest.raises(InputError, match="the model takes 4 channels"):
        read_picture(picture, 8, 8, 4)


def test_softmax_of_large_logits_is_finite():
    chances = softmax(np.array([[1000.0, 1000.0], [0.0, 1.0]], np.float32))
    assert chances == pytest.approx(np.array([[0.5, 0.5], [0.26894143, 0.73105857]]))
