"""What files say of themselves: written by us, read by the runtime and by us, whole or refused."""

import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from nas.errors import InputError
from nas.export.card import Card
from nas.export.labels import labels_beside
from nas.export.metadata import described
from nas.export.model import parse
from nas.export.quiet import quiet
from nas.export.run import LiteModel
from nas.export.tflite import FORMATS
from tests.nas.export.networks import CLASSES, noise

LABELS = tuple(f"Klasse {number} \u00e4" for number in range(CLASSES))
CARD = Card("small", "a small network", "A. Person", "Apache-2.0", LABELS)


@pytest.fixture(scope="module", params=FORMATS)
def pair(request, files, tmp_path_factory):
    """A file without metadata and the same with."""
    path = tmp_path_factory.mktemp("described") / "model.tflite"
    path.write_bytes(described(files[request.param].read_bytes(), CARD))
    return files[request.param], path


def test_described_file_computes_the_same(pair):
    plain, path = (LiteModel(path, trusted=True).predict(noise(4)) for path in pair)
    assert np.array_equal(plain, path)


def test_described_file_has_one_stable_signature(pair):
    with quiet():
        interpreter = Interpreter(str(pair[1]))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}


def test_described_file_says_what_it_was_told(pair):
    _, path = pair
    model = parse(path.read_bytes(), "test")
    assert model.card == CARD
    assert labels_beside(path, CLASSES) == list(LABELS)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(LABELS)


def test_described_again_gives_the_same_bytes_and_one_entry(pair):
    plain, path = pair
    data = path.read_bytes()
    assert described(plain.read_bytes(), CARD) == data
    other = parse(described(data, Card("other")), "test")
    assert other.card == Card("other")
    assert len([table for table in other.source.root().tables(6) if table.text(0) == "TFLITE_METADATA"]) == 1


def test_described_file_cut_short_is_refused_wherever_it_is_cut(pair):
    data = pair[1].read_bytes()
    for cut in (1, 2, 3, 4, 8, 16, 100, 1000):
        with pytest.raises(InputError, match="damaged or cut short"):
            parse(data[:-cut], "cut")


def test_file_without_metadata_cut_short_is_refused(files):
    for path in files.values():
        data = path.read_bytes()
        for cut in (1, 4, 8, 12, 16):
            with pytest.raises(InputError, match="damaged or cut short"):
                parse(data[:-cut], "cut")


def test_labels_in_metadata_of_another_number_are_refused(files, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(described(files["float32"].read_bytes(), Card(labels=("one", "two"))))
    with pytest.raises(InputError, match="its metadata has 2 class names; expected one for each of 10"):
        labels_beside(path, CLASSES)


def test_labels_in_metadata_come_before_those_beside_the_file(files, tmp_path):
    """labels.txt may be of another model that was exported into the same folder."""
    path, beside = tmp_path / "model.tflite", [f"another {number}" for number in range(CLASSES)]
    path.write_bytes(described(files["float32"].read_bytes(), CARD))
    for names in (beside, ["one", "two"]):
        (tmp_path / "labels.txt").write_text("\n".join(names))
        assert labels_beside(path, CLASSES) == list(LABELS)
        assert LiteModel(path, trusted=True).labels == list(LABELS)


def test_labels_in_metadata_are_read_without_a_byte_order_mark(files, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(described(files["float32"].read_bytes(), Card(labels=("\ufeffone", *LABELS[1:]))))
    assert labels_beside(path, CLASSES) == ["one", *LABELS[1:]]


@pytest.mark.parametrize("labels", [(), ("one", "two")])
def test_labels_beside_a_file_whose_metadata_has_none_that_fit(files, tmp_path, labels):
    path, beside = tmp_path / "model.tflite", [f"another {number}" for number in range(CLASSES)]
    path.write_bytes(described(files["float32"].read_bytes(), Card(labels=labels)))
    (tmp_path / "labels.txt").write_text("\n".join(beside))
    assert labels_beside(path, CLASSES) == beside


def test_labels_of_a_swollen_archive_are_not_read_without_bound(files):
    """A zip may claim any size: 32 MiB of zeros are a few KiB in it."""
    import io

    data = described(files["float32"].read_bytes(), Card(labels=("one",)))
    stream = io.BytesIO(data[: data.rindex(b"PK\x03\x04")])
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", bytes(2**25))
    with pytest.raises(InputError, match="has more than 16777216 bytes"):
        parse(stream.getvalue(), "swollen")
