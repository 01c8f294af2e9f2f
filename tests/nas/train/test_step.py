"""The chain of programs against plain Flax and Optax."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.network import Network, initialise
from nas.train import Dataset, Recipe
from nas.train.compiled import compile_chain
from nas.train.optimizer import make_optimizer
from nas.train.step import Chain, State, Step, evaluated
from nas.train.stochastic_depth import draw_branches, drop_rates

RATE = np.float32(0.01)
PLAIN = Recipe(batch_size=16, augment=(), label_smoothing=0.1, weight_decay=0.05, momentum=0.8)


def _steps(
    network: Network, recipe: Recipe, data: Dataset, count: int = 3, by_block: bool = True, keep: float = 0.5
) -> tuple[State, list[float]]:
    chain = Chain.of(network, by_block)
    state = chain.state(network, recipe)
    compiled = compile_chain(chain, recipe, state, data.train.images.shape[1:])
    losses = []
    for index in range(count):
        batch = data.train.take(np.arange(16) + 16 * index)
        seeds = np.arange(len(chain.layouts) + 1, dtype=np.uint32) + index
        branches = draw_branches(chain, recipe, np.random.default_rng(index))
        state, loss = compiled.step(state, batch.images, batch.labels, Step(seeds, RATE, np.float32(keep), branches))
        losses.append(float(loss))
    return state, losses


def _reference(network: Network, recipe: Recipe, data: Dataset, count: int = 3) -> tuple[Network, list[float]]:
    """The same steps by Flax and Optax, on the whole network and its tree of parameters."""
    network.train()
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    transform = optax.chain(
        optax.clip_by_global_norm(recipe.gradient_clip) if recipe.gradient_clip else optax.identity(),
        make_optimizer(recipe.optimizer, recipe.momentum, 0),
    )
    if recipe.optimizer == "adamw":
        mask = lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)  # noqa: E731
        transform = optax.chain(transform, optax.add_decayed_weights(recipe.weight_decay, mask))
    moments = transform.init(params)

    def loss_of(params: Any, rest: Any, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
        model = nnx.merge(graph, params, rest, copy=True)
        targets = optax.smooth_labels(jax.nn.one_hot(labels, 10), recipe.label_smoothing)
        return optax.softmax_cross_entropy(model(x), targets).mean(), nnx.state(model, nnx.Not(nnx.Param))

    gradients_of = jax.jit(jax.value_and_grad(loss_of, has_aux=True))
    losses = []
    for index in range(count):
        batch = data.train.take(np.arange(16) + 16 * index)
        x = jnp.asarray(batch.images / np.float32(127.5) - 1, jnp.float32)
        (loss, rest), gradients = gradients_of(params, rest, x, batch.labels)
        updates, moments = transform.update(gradients, moments, params)
        params = jax.tree.map(lambda p, u: p - RATE * u, params, updates)
        losses.append(float(loss))
    return nnx.merge(graph, params, rest), losses


@pytest.fixture(scope="module")
def steady(small: Architecture) -> Architecture:
    """The small network without its dropout."""
    return replace(small, layers=tuple(layer for layer in small.layers if layer.block != "dropout"))


@pytest.fixture(scope="module")
def residual() -> Architecture:
    """Blocks with and without a skip in the stages, and dropout of the network's own."""
    lines = "input 8x8x1", "stem conv c8", "stage conv s2 c12", "stage residual c12 x2", "head pool"
    return Architecture.parse("\n".join([*lines, "head dropout rate=0.1", "head dense c10"]))


@pytest.fixture(scope="module")
def normless() -> Architecture:
    """A network in which no picture sees another."""
    lines = "input 8x8x1", "stem conv c8 norm=bias", "stage conv c12 norm=bias", "head pool", "head dense c10"
    return Architecture.parse("\n".join(lines))


@pytest.mark.parametrize(
    "recipe",
    [
        PLAIN,
        replace(PLAIN, optimizer="sgd", weight_decay=0),
        replace(PLAIN, optimizer="sgd", weight_decay=0, gradient_clip=0.3),
        replace(PLAIN, optimizer="rmsprop", weight_decay=0),
    ],
    ids=["adamw", "sgd", "clipped", "rmsprop"],
)
def test_chain_gives_the_numbers_of_plain_flax(steady: Architecture, digits: Dataset, recipe: Recipe) -> None:
    state, losses = _steps(initialise(steady, 0), recipe, digits)
    network, expected = _reference(initialise(steady, 0), recipe, digits)
    assert losses == pytest.approx(expected, rel=1e-4)
    weights, statistics = Chain.of(network).vectors(network)
    for mine, theirs in zip([*state.weights, *state.statistics], [*weights, *statistics], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=2e-4)


FULL = Recipe(
    batch_size=16,
    ema=0.9,
    gradient_clip=1.0,
    augment=("flip", "mixup", "cutmix"),
    stochastic_depth=0.5,
    dropout=0.3,
    accumulate=2,
)


@pytest.mark.parametrize("optimizer", ["lamb", "muon"])
def test_block_by_block_and_whole_give_the_same_numbers(
    residual: Architecture, digits: Dataset, optimizer: str
) -> None:
    recipe = replace(FULL, optimizer=optimizer)
    blocks, block_losses = _steps(initialise(residual, 0), recipe, digits, by_block=True)
    whole, whole_losses = _steps(initialise(residual, 0), recipe, digits, by_block=False)
    assert block_losses == pytest.approx(whole_losses, rel=1e-5)
    for mine, theirs in zip(jax.tree.leaves(blocks), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_average_follows_weights_and_statistics(small: Architecture, digits: Dataset) -> None:
    recipe = replace(PLAIN, ema=0.5)
    network = initialise(small, 0)
    before = Chain.of(network).vectors(network)
    after, _ = _steps(network, recipe, digits, count=1, keep=0.75)
    for begun, ended, average in zip(before, (after.weights, after.statistics), evaluated(after), strict=True):
        for old, new, mean in zip(begun, ended, average, strict=True):
            np.testing.assert_allclose(mean, 0.75 * old + 0.25 * np.asarray(new), rtol=1e-5, atol=1e-6)


def test_without_an_average_the_weights_themselves_are_evaluated(small: Architecture, digits: Dataset) -> None:
    state, _ = _steps(initialise(small, 0), PLAIN, digits, count=1)
    assert evaluated(state) == (state.weights, state.statistics)


def test_norms_and_biases_do_not_decay(small: Architecture, digits: Dataset) -> None:
    network = initialise(small, 0)
    chain = Chain.of(network)
    heavy, light = (
        _steps(initialise(small, 0), replace(PLAIN, weight_decay=decay), digits, count=1)[0] for decay in (5.0, 0.0)
    )
    for layout, mine, theirs in zip(chain.layouts, heavy.weights, light.weights, strict=True):
        kernels = layout.weights.kernels
        np.testing.assert_array_equal(mine[kernels:], theirs[kernels:])
        assert kernels == 0 or not np.array_equal(mine[:kernels], theirs[:kernels])


@pytest.mark.parametrize("by_block", [True, False])
def test_parts_of_a_batch_add_up_to_the_batch(normless: Architecture, digits: Dataset, by_block: bool) -> None:
    recipe = replace(PLAIN, optimizer="sgd", augment=("shift", "mixup"), gradient_clip=0.5)
    whole, losses = _steps(initialise(normless, 0), recipe, digits, by_block=by_block)
    parts, part_losses = _steps(initialise(normless, 0), replace(recipe, accumulate=4), digits, by_block=by_block)
    assert part_losses == pytest.approx(losses, rel=1e-5)
    for mine, theirs in zip(parts.weights, whole.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_a_branch_that_is_always_left_out_does_not_learn(residual: Architecture, digits: Dataset) -> None:
    recipe = replace(PLAIN, optimizer="sgd", weight_decay=0, stochastic_depth=0.9)
    network = initialise(residual, 0)
    chain = Chain.of(network)
    assert drop_rates(chain, 0.9) == pytest.approx([None, 0, 0.3, 0.6, None, None, None])
    state = chain.state(network, recipe)
    before = [np.array(vector) for vector in state.weights]
    compiled = compile_chain(chain, recipe, state, (8, 8, 1))
    batch = digits.train.take(np.arange(16))
    none, all_, two = np.zeros(16, np.float32), np.ones(16, np.float32), np.full(16, 2, np.float32)
    step = Step(np.zeros(8, np.uint32), RATE, np.float32(0), (None, all_, none, two, None, None, None))
    state, _ = compiled.step(state, batch.images, batch.labels, step)
    changed = [not np.array_equal(mine, theirs) for mine, theirs in zip(state.weights, before, strict=True)]
    assert changed == [True, True, False, True, False, False, True]


def test_in_bfloat16_steps_are_nearly_those_of_float32(residual: Architecture, digits: Dataset) -> None:
    recipe = replace(PLAIN, optimizer="sgd", weight_decay=0)
    state, losses = _steps(initialise(residual, 0), replace(recipe, precision="bfloat16"), digits)
    exact, expected = _steps(initialise(residual, 0), recipe, digits)
    assert losses == pytest.approx(expected, rel=0.02)
    assert losses != expected
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {np.dtype(np.float32)}
    for mine, theirs in zip(state.weights, exact.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0.02)
