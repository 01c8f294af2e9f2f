"""Two devices against one, which a processor pretends to have; and its threads against them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import initialise
from nas.train import Dataset, Recipe, Split, Trained, train
from nas.train.compiled import compile_chain
from nas.train.devices import Devices, devices_to_use
from nas.train.step import Chain, Step
from nas.train.threads import Threads

# A step reads the whole batch in its batch norms, mixes neighbours, and ends in a common norm of all gradients.
RECIPE = Recipe(
    epochs=1, batch_size=32, augment=("flip", "mixup"), stochastic_depth=0.3, accumulate=2, ema=0.9, gradient_clip=1
)
TEXT = "input 8x8x1\nstem conv c8\nstage residual c8 x2\nhead pool\nhead dense c10"


@pytest.fixture(scope="module")
def architecture() -> Architecture:
    return Architecture.parse(TEXT)


@pytest.fixture(scope="module")
def alone(architecture: Architecture, digits: Dataset) -> Trained:
    return train(architecture, digits, RECIPE)


def test_two_devices_give_the_numbers_of_one(architecture: Architecture, digits: Dataset, alone: Trained) -> None:
    together = train(architecture, digits, RECIPE, devices=2)
    _agree(together, alone)


def test_devices_need_not_divide_the_batch_of_an_evaluation(
    architecture: Architecture, digits: Dataset, alone: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("compiled", "evaluate"):  # with 127 two devices are as three with 128
        monkeypatch.setattr(f"nas.train.{module}.EVALUATION_BATCH", 127)
    together = train(architecture, digits, RECIPE, devices=2)
    _agree(together, alone)
    assert together.validation_accuracy == pytest.approx(alone.validation_accuracy, abs=0.01)


def test_threads_give_the_numbers_of_devices_whose_norms_see_shares(
    architecture: Architecture, digits: Dataset, alone: Trained
) -> None:
    recipe = replace(RECIPE, norms_over="device")
    threads, devices = (train(architecture, digits, recipe, devices=2, by_block=way) for way in (None, False))
    _agree(threads, devices)
    assert abs(threads.history[0].loss - alone.history[0].loss) > 1e-4  # whose norms see all


def _agree(one: Trained, other: Trained) -> None:
    assert one.history[0].loss == pytest.approx(other.history[0].loss, rel=1e-4)
    parameters = (jax.tree.leaves(nnx.state(trained.network, nnx.Param)) for trained in (one, other))
    for mine, theirs in zip(*parameters, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-2, atol=1e-3)


def _after_a_step(
    architecture: Architecture, recipe: Recipe, pictures: Split, group: Devices | Threads | None = None
) -> list[np.ndarray[Any, Any]]:
    """Weights and statistics after one step on all the pictures."""
    network = initialise(architecture, 0)
    chain = Chain.of(network, by_block=not isinstance(group, Devices))
    state = chain.state(network, recipe)
    state = group.everywhere(state) if group else state
    compiled = compile_chain(chain, recipe, state, pictures.images.shape[1:], devices=group)
    step = Step(np.zeros(len(chain.layouts) + 1, np.uint32), np.float32(0.1), np.float32(0))
    state, _ = compiled.step(state, pictures.images, pictures.labels, step)
    return [np.asarray(vector) for vector in (*state.weights, *state.statistics)]


@pytest.mark.parametrize("shared", [devices_to_use, Threads])
def test_norms_over_each_device_are_those_of_its_share(
    shared: Callable[[int], Devices | Threads], architecture: Architecture, digits: Dataset
) -> None:
    group, pictures = shared(2), digits.train.take(np.arange(16))
    recipe = Recipe(batch_size=16, optimizer="sgd", augment=())
    half = replace(recipe, batch_size=8)
    halves = [_after_a_step(architecture, half, pictures.take(np.arange(8) + start)) for start in (0, 8)]
    apart = _after_a_step(architecture, replace(recipe, norms_over="device"), pictures, group)
    whole = _after_a_step(architecture, recipe, pictures)
    for mine, *theirs in zip(apart, *halves, strict=True):  # a first step of this optimizer is linear in the gradient
        np.testing.assert_allclose(mine, np.mean(theirs, 0), rtol=1e-4, atol=1e-5)
    assert max(np.abs(mine - other).max(initial=0) for mine, other in zip(apart, whole, strict=True)) > 1e-3


def test_each_device_draws_numbers_of_its_own() -> None:
    step = Step(np.arange(3, dtype=np.uint32), np.float32(0), np.float32(0))
    seeds = [tuple(step.part(part, 2).share(np.int32(device), ()).seeds) for part in range(2) for device in range(2)]
    assert len(set(seeds)) == 4
    assert seeds[0] == (0, 1, 2)


def test_norms_over_other_shares_are_another_training(
    architecture: Architecture, digits: Dataset, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, norms_over="device")
    train(architecture, digits, recipe, devices=2, checkpoints=tmp_path)
    with pytest.raises(InputError, match=r"another number of devices whose batch norms see a share \('2' there, '1'"):
        train(architecture, digits, recipe, checkpoints=tmp_path)


def test_batches_without_equal_shares_are_refused(architecture: Architecture, digits: Dataset) -> None:
    with pytest.raises(InputError, match="batch_size: found 31; expected a multiple of 2, the devices that share it"):
        train(architecture, digits, replace(RECIPE, batch_size=31, accumulate=1), devices=2)
    with pytest.raises(InputError, match="batch_size: found 6; expected a multiple of 4, the devices that share each"):
        train(architecture, digits, replace(RECIPE, batch_size=6, norms_over="device"), devices=2)
    with pytest.raises(InputError, match="batch_size: found 32; expected a multiple of 10, the devices that share"):
        train(architecture, digits, replace(RECIPE, norms_over="device"), devices=5)
    with pytest.raises(InputError, match="batch_size: found 4; expected at least 8, so that batch norms see two"):
        train(architecture, digits, replace(RECIPE, batch_size=4, norms_over="device"), devices=2)
    with pytest.raises(InputError, match="devices: found 3; expected 1 to 2"):
        devices_to_use(3)
    assert devices_to_use() is None
