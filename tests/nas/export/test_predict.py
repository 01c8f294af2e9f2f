"""Pictures to class names: every kind of file, and labels that fit or do not."""

import numpy as np
import pytest
from PIL import Image

from nas.errors import InputError
from nas.export.labels import labels_in, read_labels
from nas.export.model import parse
from nas.export.predict import predict_pictures, softmax
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
    (prediction,) = predict_pictures(model, [picture], top=CLASSES).pictures
    expected = softmax(model.predict(noise(1)))[0]
    assert prediction.image == str(picture)
    assert [guess.index for guess in prediction.top] == np.argsort(-expected, kind="stable").tolist()
    assert [guess.probability for guess in prediction.top] == pytest.approx(sorted(expected, reverse=True))
    assert sum(guess.probability for guess in prediction.top) == pytest.approx(1)
    assert prediction.top[0].label == f"class {prediction.top[0].index}"


def test_predict_pictures_gives_the_likeliest(model, picture):
    predictions = predict_pictures(model, [picture, picture], top=2).pictures
    assert [len(prediction.top) for prediction in predictions] == [2, 2]
    assert len(predict_pictures(model, [picture], top=100).pictures[0].top) == CLASSES


def test_predict_pictures_probabilities_are_left_alone(tensorflow_file, tmp_path):
    path = tensorflow_file(
        "softmax", lambda tf, x: tf.nn.softmax(4 * tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 3])), (1, 8, 8, 3)
    )
    image = tmp_path / "red.png"
    Image.new("RGB", (8, 8), (255, 0, 0)).save(image)
    (prediction,) = predict_pictures(LiteModel(path, trusted=True), [image]).pictures
    assert prediction.top[0].label == "0"
    assert 0.6 < prediction.top[0].probability < 1  # a second softmax gives 0.58 at most


def test_predict_pictures_labels_from_a_file_or_given(model, picture, tmp_path):
    names = [f"name {number}" for number in range(CLASSES)]
    labels = tmp_path / "names.txt"
    labels.write_text("\n".join(names) + "\n\n")
    for given in (labels, str(labels), names):
        assert predict_pictures(model, [picture], given).pictures[0].top[0].label.startswith("name ")


def test_labels_are_read_without_a_byte_order_mark(tmp_path):
    (tmp_path / "labels.txt").write_text("one\ntwo\n", encoding="utf-8-sig")
    assert read_labels(tmp_path / "labels.txt", 2) == ["one", "two"]
    assert labels_in(tmp_path) == ("one", "two")


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


def test_predict_pictures_names_what_cannot_be_decoded_and_goes_on(model, picture, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    done = []
    found = predict_pictures(model, [broken, picture], progress=lambda *counts: done.append(counts))
    assert found.undecodable == {str(broken): "no whole picture"}
    assert [prediction.image for prediction in found.pictures] == [str(picture)]
    assert done == [(1, 2), (2, 2)]
    assert found.pictures_per_second == pytest.approx(1 / found.seconds)
    with pytest.raises(InputError, match=r"broken\.jpg: cannot be decoded \(no whole picture\); expected a picture"):
        predict_pictures(model, [broken])


def test_predict_pictures_of_a_folder_are_all_below_it(model, picture, tmp_path):
    below = tmp_path / "some" / "below"
    below.mkdir(parents=True)
    for name in ("b.png", "a.png"):
        (below / name).write_bytes(picture.read_bytes())
    (below / "notes.txt").write_text("no picture")
    found = predict_pictures(model, [tmp_path / "some"])
    assert [prediction.image for prediction in found.pictures] == [str(below / "a.png"), str(below / "b.png")]
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none: holds no pictures"):
        predict_pictures(model, [tmp_path / "none"])


def test_predict_pictures_reads_as_training_does(model, tmp_path):
    """A picture that is not square loses its sides, as those of a data set do; nothing is stretched."""
    wide = np.zeros((SIZE, 3 * SIZE, 3), np.uint8)
    wide[:, SIZE : 2 * SIZE] = noise(1)[0]
    Image.fromarray(wide).save(tmp_path / "wide.png")
    (prediction,) = predict_pictures(model, [tmp_path / "wide.png"]).pictures
    expected = softmax(model.predict(noise(1)))[0]
    assert prediction.top[0].probability == pytest.approx(expected.max())


def test_predict_pictures_by_a_model_of_other_channels_is_refused(tensorflow_file, picture):
    path = tensorflow_file("four", lambda tf, x: tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 4]), (1, 8, 8, 4))
    with pytest.raises(InputError, match="the model takes 4 channels"):
        predict_pictures(LiteModel(path, trusted=True), [picture])


def test_predict_pictures_by_weights_that_are_not_finite_is_refused(files, picture, tmp_path):
    data = bytearray(files["float32"].read_bytes())
    weights = max((t for t in parse(bytes(data), "file").main.tensors if t.constant), key=lambda t: len(t.data))
    place = bytes(data).index(bytes(weights.data[:64]))
    data[place : place + 4] = np.float32(np.nan).tobytes()
    path = tmp_path / "nan.tflite"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"nan\.tflite: has outputs that are no numbers; expected a model with finite"):
        predict_pictures(LiteModel(path, trusted=True), [picture])


def test_softmax_of_large_logits_is_finite():
    chances = softmax(np.array([[1000.0, 1000.0], [0.0, 1.0]], np.float32))
    assert chances == pytest.approx(np.array([[0.5, 0.5], [0.26894143, 0.73105857]]))
