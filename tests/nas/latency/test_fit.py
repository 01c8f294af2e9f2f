"""The fit itself, on numbers whose law is known."""

import numpy as np
import pytest

from nas.latency.corrections import Array
from nas.latency.fit import fit, fit_line, score

COLUMNS = [("conv 3x3", "macs"), ("conv 3x3", "read"), ("add", "ops"), ("pool", "ops")]


def networks(count: int, seed: int) -> tuple[Array, Array]:
    """Features (N, 4) whose second column says what the first says, and 2 + 3a + c milliseconds."""
    generator = np.random.default_rng(seed)
    a, c, d = generator.uniform(1, 5, count), generator.integers(0, 6, count), np.full(count, 3.0)
    return np.column_stack([a, 2 * a, c, d]), 2 + 3 * a + c


def test_a_straight_line_is_found() -> None:
    features, ms = networks(40, seed=0)
    others, true = networks(30, seed=1)

    predictor, report = fit(COLUMNS, features, ms, seed=0)

    assert predictor.correction is None
    assert predictor.milliseconds(others) == pytest.approx(true, rel=0.01)
    assert report.networks == 40
    assert report.worst < 0.02
    assert report.within_5 == report.within_10 == 1
    assert report.spearman > 0.999


def test_slow_moments_of_the_device_count_little() -> None:
    features, ms = networks(60, seed=0)
    others, true = networks(30, seed=1)
    ms[::4] *= 1.5

    predictor, _ = fit(COLUMNS, features, ms, seed=0)

    assert score(predictor.milliseconds(others), true).worst < 0.03


def bent(count: int, seed: int) -> tuple[Array, Array]:
    features, ms = networks(count, seed)
    return features, ms * (1 + 0.3 * np.sin(2 * features[:, 0]))


def test_what_bends_is_corrected() -> None:
    features, ms = bent(100, seed=0)
    others, true = bent(60, seed=1)

    predictor, report = fit(COLUMNS, features, ms, seed=0)

    alone = score(fit_line(COLUMNS, features, ms).milliseconds(others), true)
    assert predictor.correction is not None
    assert score(predictor.milliseconds(others), true).median < 0.3 * alone.median
    assert report.median < 0.3 * alone.median
    assert predictor.factor(features[0] + 1000) == pytest.approx(1)  # far from all of them the line is left


def test_the_same_seed_gives_the_same_fit() -> None:
    features, ms = networks(30, seed=0)
    noisy = ms * np.random.default_rng(3).normal(1, 0.1, len(ms))

    once, again = (fit(COLUMNS, features, noisy, seed=5) for _ in range(2))

    assert once[1] == again[1]
    assert (once[0].weights == again[0].weights).all()


def test_nothing_costs_less_than_nothing() -> None:
    features, ms = networks(40, seed=0)

    predictor = fit_line(COLUMNS, features, 20 - ms / 2)

    assert (predictor.weights >= 0).all()
    assert predictor.constant >= 0


def test_score_of_known_errors() -> None:
    report = score(np.array([1.0, 2.2, 3.3, 4.0]), np.array([1.0, 2.0, 3.0, 5.0]))

    assert report.median == pytest.approx(0.1)
    assert report.worst == pytest.approx(0.2)
    assert (report.within_5, report.within_20) == (0.25, 1)
    assert report.spearman == report.kendall == 1


def test_all_equal_leaves_nothing_to_rank() -> None:
    assert score(np.ones(5), np.arange(1.0, 6.0)).spearman == 0
