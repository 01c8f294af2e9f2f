import jax.numpy as jnp
import numpy as np
import pytest

from nas.train.optimizer import learning_rates, make_optimizer
from nas.train.recipe import OPTIMIZERS, Recipe


def test_learning_rate_rises_in_a_line_and_falls_to_zero() -> None:
    rates = learning_rates(Recipe(epochs=10, warmup_epochs=2, learning_rate=0.1), 20)
    assert rates.shape == (200,)
    assert rates.dtype == np.float32
    assert np.allclose(np.diff(rates[:40]), 0.1 / 40, atol=1e-7)
    assert rates.argmax() == 39
    assert rates[39] == pytest.approx(0.1)
    assert np.all(np.diff(rates[39:]) < 0)
    assert rates[119] == pytest.approx(0.05, rel=0.02)  # half-way down
    assert 0 < rates[-1] < 1e-4


@pytest.mark.parametrize("warmup", [0, 5, 50])
def test_learning_rate_is_never_zero_or_above_what_was_asked(warmup: int) -> None:
    rates = learning_rates(Recipe(epochs=5, warmup_epochs=warmup, learning_rate=0.1), 3)
    assert rates.shape == (15,)
    assert np.all((rates > 0) & (rates <= np.float32(0.1)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name: str) -> None:
    optimizer = make_optimizer(name, 0.9, 0)
    x = jnp.array([1.0, -2.0])
    moments = optimizer.init(x)
    for _ in range(500):
        updates, moments = optimizer.update(2 * x, moments, x)
        x = x - 0.01 * updates
    assert np.abs(x).max() < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_decay_where_they_are_given_and_there_alone(name: str) -> None:
    optimizer = make_optimizer(name, 0.9, 0.1)
    gradient = jnp.zeros(2)
    updates, _ = optimizer.update(gradient, optimizer.init(gradient), jnp.array([3.0, 0.0]))
    assert updates[0] > 0
    assert updates[1] == 0
