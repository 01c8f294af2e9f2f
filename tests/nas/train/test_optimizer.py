from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import MuonDimensionNumbers

from nas.train.optimizer import learning_rates, make_optimizer, orthogonal, trust
from nas.train.packing import Arrays
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


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("constant", 50, 1.0),
        ("linear", 50, 0.5),
        ("cosine", 75, (1 - 0.5**0.5) / 2),
        ("exponential", 50, 0.5**2.5),
        ("step", 50, 0.5**2),
    ],
)
def test_schedules_fall_as_their_names_say(schedule: str, after: int, expected: float) -> None:
    recipe = Recipe(epochs=10, warmup_epochs=0, learning_rate=1, schedule=schedule, decay_rate=0.5, decay_epochs=2)
    assert learning_rates(recipe, 10)[after] == pytest.approx(expected, rel=0.03)


def test_efficientnets_schedule_falls_every_so_many_epochs() -> None:
    recipe = Recipe(epochs=12, warmup_epochs=1, learning_rate=1, schedule="step", decay_rate=0.97, decay_epochs=2.4)
    rates = learning_rates(recipe, 10)
    assert rates[10:24].tolist() == [1.0] * 14
    assert np.allclose(rates[24:48], 0.97)
    assert np.allclose(rates[96:], 0.97**4)


def test_learning_rate_follows_the_batch_where_it_is_given_for_another() -> None:
    given = Recipe(batch_size=64, learning_rate=0.1)
    scaled = Recipe(batch_size=64, learning_rate=0.4, learning_rate_batch=256)
    assert np.array_equal(learning_rates(given, 5), learning_rates(scaled, 5))


@pytest.mark.parametrize(("epochs", "highest"), [(1, 9), (2, 19), (3, 29), (4, 39), (30, 39)])
def test_learning_rate_rises_for_half_of_a_short_training_at_most(epochs: int, highest: int) -> None:
    rates = learning_rates(Recipe(epochs=epochs, warmup_epochs=2, learning_rate=0.1), 20)
    assert rates.argmax() == highest
    assert rates[highest] == pytest.approx(0.1)
    assert rates[-1] < 0.1 / 40


def test_lamb_on_a_vector_gives_the_numbers_of_optax_on_the_tree() -> None:
    generator = np.random.default_rng(0)
    shapes = {"kernel": (3, 3, 2, 4), "bias": (4,), "dense": (8, 5), "scale": (5,)}
    tree = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    tree["dense"][:] = 0  # whose trust is 1 at first
    arrays = Arrays.of(tree, lambda length: length + 9)
    is_kernel = {name: len(shape) > 1 for name, shape in shapes.items()}
    theirs = optax.chain(
        optax.scale_by_adam(eps=1e-6),
        optax.add_decayed_weights(0.02, is_kernel),
        optax.masked(optax.scale_by_trust_ratio(), is_kernel),
        optax.scale(-0.1),
    )
    mine = make_optimizer("lamb", 0, 0.02)
    vector = arrays.pack(tree)
    decays = jnp.arange(arrays.length) < arrays.kernels
    their_moments, my_moments = theirs.init(tree), mine.init(vector)
    weights: Any = jax.tree.map(jnp.asarray, tree)
    for _ in range(3):
        gradients = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        updates, their_moments = theirs.update(gradients, their_moments, weights)
        weights = optax.apply_updates(weights, updates)
        step, my_moments = mine.update(arrays.pack(gradients), my_moments, jnp.where(decays, vector, 0))
        vector = vector - 0.1 * step * trust(vector, step, arrays.kernel_ends)
    np.testing.assert_allclose(vector, arrays.pack(weights), rtol=1e-5, atol=1e-6)
    assert not vector[-9:].any()


def test_muon_on_a_vector_gives_the_first_update_of_optax_on_the_tree() -> None:
    generator = np.random.default_rng(0)
    shapes = {"kernel": (3, 3, 4, 8), "wide": (1, 1, 4, 24), "dense": (8, 5), "depthwise": (3, 3, 1, 8), "bias": (5,)}
    weights, gradients = (
        {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(2)
    )
    axes = {name: MuonDimensionNumbers((0, 1, 2), 3) for name in ("kernel", "wide")}
    axes |= {"dense": MuonDimensionNumbers(0, 1), "depthwise": None, "bias": None}
    muon = optax.contrib.muon(1, weight_decay=0.02, muon_weight_dimension_numbers=axes, consistent_rms=0.2)
    expected, _ = muon.update(gradients, muon.init(weights), weights)
    adamw = optax.adamw(1, weight_decay=0.02)
    others, _ = adamw.update(gradients, adamw.init(weights), weights)
    expected |= {name: others[name] for name in ("depthwise", "bias")}

    arrays = Arrays.of(weights, lambda length: length + 9)
    mine = make_optimizer("muon", 0.95, 0.02, arrays)
    vector = arrays.pack(weights)
    update, _ = mine.update(arrays.pack(gradients), mine.init(vector), vector)
    found = arrays.unpack(update)
    for name in axes:
        np.testing.assert_allclose(-found[name], expected[name], rtol=1e-4, atol=1e-4)
    assert not update[-9:].any()


def test_muon_goes_on_in_the_direction_of_earlier_steps() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    arrays = Arrays.of({"dense": first})
    muon = make_optimizer("muon", 0.9, 0, arrays)
    _, moments = muon.update(first.reshape(-1), muon.init(first.reshape(-1)), first.reshape(-1))
    update, _ = muon.update(second.reshape(-1), moments, second.reshape(-1))
    along = orthogonal(jnp.asarray(second + 0.9 * (second + 0.9 * first)))
    np.testing.assert_allclose(update.reshape(6, 4), along, rtol=1e-4, atol=1e-5)
    lengths = np.linalg.svd(along, compute_uv=False) / (0.2 * 6**0.5)
    assert np.all((lengths > 0.6) & (lengths < 1.3))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name: str) -> None:
    optimizer = make_optimizer(name, 0.9, 0)

    def step(_: int, state: Any) -> Any:
        x, moments = state
        updates, moments = optimizer.update(2 * x, moments, x)
        return x - 0.01 * updates, moments

    begin = jnp.array([1.0, -2.0])
    x, _ = jax.jit(lambda state: jax.lax.fori_loop(0, 500, step, state))((begin, optimizer.init(begin)))
    assert np.abs(x).max() < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_decay_where_they_are_given_and_there_alone(name: str) -> None:
    optimizer = make_optimizer(name, 0.9, 0.1)
    gradient = jnp.zeros(2)
    updates, _ = optimizer.update(gradient, optimizer.init(gradient), jnp.array([3.0, 0.0]))
    assert updates[0] > 0
    assert updates[1] == 0
