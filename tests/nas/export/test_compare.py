"""The network and its files side by side."""

import dataclasses
import json

import numpy as np
import pytest

from nas.errors import InputError
from nas.export.compare import compare
from tests.nas.export.networks import CLASSES, as_input, noise


@pytest.fixture(scope="module")
def rows(files, logits, network):
    labels = logits.argmax(1)
    labels[:6] = (labels[:6] + 1) % CLASSES  # so that the network is wrong on a tenth
    picture = as_input(noise(1))
    told = []
    found = compare(
        logits,
        files,
        noise(60),
        labels,
        flax_bytes=1234,
        flax_once=lambda: np.asarray(network(picture)),
        runs=3,
        progress=told.append,
    )
    assert told == list(files)
    return found


def test_compare_first_row_is_the_network(rows):
    row = rows[0]
    assert (row.format, row.accuracy, row.agreement) == ("flax", 0.9, 1.0)
    assert row.largest_difference is None
    assert row.bytes == 1234
    assert row.latency_ms > 0


def test_compare_float32_is_the_same_network(rows, files):
    row = rows[1]
    assert (row.format, row.accuracy, row.agreement) == ("float32", 0.9, 1.0)
    assert 0 < row.largest_difference < 1e-4
    assert row.bytes == files["float32"].stat().st_size
    assert 0 < row.latency_ms < 100


def test_compare_int8_is_close(rows):
    (row,) = (row for row in rows if row.format == "int8")
    assert row.agreement >= 0.9
    assert rows[1].largest_difference < row.largest_difference < 0.35


def test_compare_rows_become_json(rows):
    read = json.loads(json.dumps([dataclasses.asdict(row) for row in rows]))
    assert list(read[0]) == ["format", "accuracy", "agreement", "largest_difference", "bytes", "latency_ms"]


def test_compare_without_timing_of_the_network(files, logits):
    rows = compare(logits, {"int8": files["int8"]}, noise(60), logits.argmax(1), runs=1)
    assert rows[0].latency_ms is None
    assert rows[0].bytes is None
    assert rows[1].latency_ms > 0


@pytest.mark.parametrize(("outputs", "pictures", "labels"), [(60, 59, 60), (60, 60, 1), (0, 0, 0)])
def test_compare_of_other_numbers_is_refused(files, logits, outputs, pictures, labels):
    with pytest.raises(InputError, match=f"{outputs} outputs, {pictures} pictures and {labels} labels"):
        compare(logits[:outputs], files, noise(60)[:pictures], np.zeros(labels, int))


def test_compare_file_of_other_classes_is_refused(files, logits):
    with pytest.raises(InputError, match="has 10 outputs; expected 7 as the network has"):
        compare(logits[:, :7], {"int8": files["int8"]}, noise(60), np.zeros(60, int))
