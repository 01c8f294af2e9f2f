import numpy as np
import pytest

from nas.train.evaluation import evaluate

NAMES = tuple("abcdefg")


def test_shares_are_counted() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2], np.int32)
    outputs = np.full((6, 7), -9, np.float32)
    for place, answer in enumerate([0, 1, 1, 2, 2, 6]):
        outputs[place, answer] = 9
    outputs[5, 2] = 5  # the second answer
    found = evaluate(outputs, labels, NAMES)
    assert found.top1 == pytest.approx(4 / 6)
    assert found.top5 is not None
    assert found.top5 > found.top1
    assert found.confusion[0] == (1, 1, 0, 0, 0, 0, 0)
    assert found.confusion[2][6] == 1
    assert sum(map(sum, found.confusion)) == found.pictures == 6
    assert [(c.name, c.pictures, c.accuracy) for c in found.classes[:4]] == [
        ("a", 2, 0.5), ("b", 1, 1.0), ("c", 3, pytest.approx(2 / 3)), ("d", 0, None)
    ]  # fmt: skip


def test_calibration_error_is_the_distance_of_confidence_from_accuracy() -> None:
    generator = np.random.default_rng(0)
    chance = 0.8
    labels = (generator.random(20_000) > chance).astype(np.int32)
    outputs = np.tile(np.log([chance, 1 - chance]), (20_000, 1)).astype(np.float32)
    honest, boasting = evaluate(outputs, labels, ("a", "b")), evaluate(3 * outputs, labels, ("a", "b"))
    assert honest.calibration_error < 0.01
    sure = chance**3 / (chance**3 + (1 - chance) ** 3)
    assert boasting.calibration_error == pytest.approx(sure - chance, abs=0.01)
    assert honest.loss == pytest.approx(-(chance * np.log(chance) + (1 - chance) * np.log(1 - chance)), abs=0.01)
    assert honest.top5 is None
    assert sum(b.answers for b in honest.calibration) == 20_000


def test_confidence_in_several_bins() -> None:
    outputs = np.log(np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]], np.float32))
    found = evaluate(outputs, np.array([0, 1, 0, 0], np.int32), ("a", "b"))
    assert [(b.answers, b.accuracy) for b in found.calibration] == [(2, 0.5), (2, 0.5)]
    assert found.calibration_error == pytest.approx(0.5 * 0.4 + 0.5 * 0.1, abs=1e-6)
