"""Rounding to steps, and the gradients that go straight through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.errors import InputError
from nas.rounding.grid import Grid, Made, Step
from nas.rounding.straight import away_from_zero, cut, whole, whole_constant, whole_pixels, whole_weights


def test_values_go_to_the_nearest_number_and_stay_within_the_ends() -> None:
    assert cut(jnp.asarray([0.0, 0.4, 0.6, -200.0, 200.0]), -100, 155).tolist() == [0, 0, 1, -100, 155]
    assert Step(0.05, -28).ends == pytest.approx((-5, 7.75))


def test_gradients_are_those_of_cutting_off_alone() -> None:
    values = jnp.asarray([0.6, -100.4, -100.6, 155.4, 155.6])
    assert jax.grad(lambda x: (2 * cut(x, -100, 155)).sum())(values).tolist() == [2, 2, 0, 2, 0]
    assert jax.grad(lambda x: (2 * whole(x)).sum())(values).tolist() == [2] * 5


def test_every_pixel_has_a_number_of_its_own() -> None:
    pixels = np.arange(256, dtype=np.float32)
    step = Step(2 / 255, -1)
    assert (whole_pixels(jnp.asarray(pixels / 127.5 - 1), step) + step.zero).tolist() == (pixels - 128).tolist()


def test_weights_have_127_steps_on_either_side_in_each_channel() -> None:
    sizes = np.geomspace(0.01, 10, 5)
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3, 4, 5)) * sizes, jnp.float32)
    found, scale = whole_weights(kernel.at[..., 2].set(0))
    assert np.abs(found).max((0, 1, 2)).tolist() == [127, 127, 0, 127, 127]
    assert np.array_equal(found, np.rint(found))
    nearest = np.abs(np.asarray(found) * np.asarray(scale) - np.asarray(kernel.at[..., 2].set(0)))
    assert (nearest <= 0.501 * np.asarray(scale)).all()
    gradient = jax.grad(lambda values: (whole_weights(values)[0] * 3).sum())(kernel)
    np.testing.assert_allclose(gradient, np.broadcast_to(3 / whole_weights(kernel)[1], kernel.shape), rtol=1e-5)


def test_constants_and_halves() -> None:
    numbers, scale = whole_constant(jnp.asarray([0.0, 0.3, 2.55]))
    assert (numbers.tolist(), float(scale)) == ([0, 30, 255], pytest.approx(0.01))
    assert whole_constant(jnp.zeros(3))[0].tolist() == [0, 0, 0]
    assert away_from_zero(jnp.asarray([0.5, -0.5, 1.4, -1.6])).tolist() == [1, -1, 1, -2]


def test_grids_are_read_back_to_the_last_bit(tmp_path) -> None:
    grid = Grid(Step(2 / 255, -1), (Made("conv", (4, 4, 8), Step(0.1 / 3, 5)),), ((-1.0, 1.0), (0.0, 1 / 3)))
    grid.save(tmp_path / "grid.json")
    assert Grid.load(tmp_path / "grid.json") == grid
    assert Grid.load(tmp_path / "grid.json").digest == grid.digest


@pytest.mark.parametrize("text", ["", "[]", '{"read": [1, 2], "made": [["conv", 3]], "ranges": []}', "\xff"])
def test_damaged_grids_are_refused(tmp_path, text: str) -> None:
    (tmp_path / "grid.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="is damaged; expected the steps of a network"):
        Grid.load(tmp_path / "grid.json")
