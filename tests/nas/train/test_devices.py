"""Two devices against one, of one process and of two; they are what a processor pretends to have."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.train import Dataset, Recipe, Trained, train
from nas.train.devices import devices_to_use, join_hosts

# A step reads the whole batch in its batch norms, mixes neighbours, and ends in a common norm of all gradients.
RECIPE = Recipe(
    epochs=1, batch_size=32, augment=("flip", "mixup"), stochastic_depth=0.3, accumulate=2, ema=0.9, gradient_clip=1
)
TEXT = "input 8x8x1\nstem conv c8\nstage residual c8 x2\nhead pool\nhead dense c10"

HOST = """
import json, sys
from nas.architecture import Architecture
from nas.train import Recipe, load_dataset, train
from nas.train.devices import join_hosts
join_hosts()
import jax
recipe = Recipe(**json.loads(sys.argv[2]))
trained = train(Architecture.parse(sys.argv[1]), load_dataset("digits", limit=160), recipe)
print(json.dumps([jax.process_count(), jax.device_count(), trained.history[0].loss, trained.validation_accuracy]))
"""


@pytest.fixture(scope="module")
def architecture() -> Architecture:
    return Architecture.parse(TEXT)


@pytest.fixture(scope="module")
def alone(architecture: Architecture, digits: Dataset) -> Trained:
    return train(architecture, digits, RECIPE)


def test_two_devices_give_the_numbers_of_one(architecture: Architecture, digits: Dataset, alone: Trained) -> None:
    together = train(architecture, digits, RECIPE, devices=2)
    assert together.history[0].loss == pytest.approx(alone.history[0].loss, rel=1e-4)
    parameters = (jax.tree.leaves(nnx.state(trained.network, nnx.Param)) for trained in (together, alone))
    for mine, theirs in zip(*parameters, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-2, atol=1e-3)


def test_two_hosts_give_the_numbers_of_one(alone: Trained) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    recipe = json.dumps(vars(RECIPE))
    hosts = []
    for number in range(2):
        where = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": str(number)}
        environment = {**os.environ, **where, "XLA_FLAGS": "", "PYTHONPATH": os.pathsep.join(sys.path)}
        arguments = [sys.executable, "-c", HOST, TEXT, recipe]
        hosts.append(subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True))
    said = [json.loads(host.communicate()[0].splitlines()[-1]) for host in hosts]
    assert said[0] == said[1]
    assert said[0][:2] == [2, 2]
    assert said[0][2] == pytest.approx(alone.history[0].loss, rel=1e-4)


def test_batches_without_equal_shares_are_refused(architecture: Architecture, digits: Dataset) -> None:
    with pytest.raises(InputError, match="batch_size: found 31; expected a multiple of 2, the devices that share it"):
        train(architecture, digits, replace(RECIPE, batch_size=31, accumulate=1), devices=2)
    with pytest.raises(InputError, match="devices: found 3; expected 1 to 2"):
        devices_to_use(3)
    assert devices_to_use() is None


def test_half_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    join_hosts()  # alone, as nothing says otherwise
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1")
    with pytest.raises(InputError, match="JAX_NUM_PROCESSES: found ''; expected a number"):
        join_hosts()
