"""What networks nearby were off by, on numbers whose law is known."""

import numpy as np
import pytest

from nas.latency.corrections import Array, Commonest, Curves, agreement
from nas.latency.fit import fit, fit_line, score
from nas.latency.place import Place
from nas.latency.predictor import Predictor, predictor_content, read_predictor

COLUMNS = (("conv 3x3", "macs"), ("add", "ops"))
PLACE = Place("device file mine.json:")


def moody(count: int, seed: int) -> tuple[Array, Array]:
    """Networks (N, 2) on a device that is slow now and then, and with many adds most of the time."""
    generator = np.random.default_rng(seed)
    features = np.column_stack([generator.uniform(1, 5, count), generator.integers(0, 4, count)]).astype(float)
    slow = generator.random(count) < np.where(features[:, 1] == 3, 0.75, 0.15)
    mood = np.where(slow, 1.4, 1) * generator.normal(1, 0.02, count)
    return features, (2 + 3 * features[:, 0] + features[:, 1]) * mood


@pytest.fixture(scope="module")
def fitted() -> Predictor:
    return fit(COLUMNS, *moody(150, seed=0), seed=0)[0]


def test_what_is_commonest_is_told_where_a_device_has_moods(fitted: Predictor) -> None:
    others, ms = moody(2000, seed=1)

    reached = score(fitted.milliseconds(others), ms)

    assert isinstance(fitted.correction, Commonest)
    assert reached.within_10 > score(fit_line(COLUMNS, *moody(150, seed=0)).milliseconds(others), ms).within_10 + 0.08
    assert reached.within_10 > 0.77  # of 82.5 %, those in the commoner mood of their kind


def test_what_is_commonest_reads_back(fitted: Predictor) -> None:
    again = read_predictor(predictor_content(fitted), PLACE)

    others, _ = moody(50, seed=2)
    assert again.milliseconds(others) == pytest.approx(fitted.milliseconds(others), rel=0.011)
    assert isinstance(again.correction, Commonest)


def test_far_from_all_networks_what_most_of_them_were_off_by_is_told() -> None:
    one = np.ones(1)
    correction = Commonest(one, one, np.array([[0.0], [0.1], [1.0]]), 0.1, np.array([0.3, 0.3, -0.1]))

    assert correction(np.array([2.0])) == pytest.approx(-0.1, abs=0.1)
    assert correction(np.array([1000.0])) == pytest.approx(0.3, abs=0.1)


def test_curves_fade_far_away() -> None:
    one = np.ones(1)
    curves = Curves(one, one, np.array([[0.0]]), 0.1, np.array([0.3]))

    assert curves(np.array([1.0])) == pytest.approx(0.3)
    assert curves(np.array([1000.0])) == 0


def test_agreement_falls_at_a_tenth() -> None:
    assert agreement(np.array([0.0, 0.1, -0.1, 1e9])) == pytest.approx([1, 0.5, 0.5, 0], abs=0.01)
