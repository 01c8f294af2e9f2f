"""A rounded Flax network and its int8 file compute the same, before and after training."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.model import parse
from nas.export.quantization.closeness import closeness
from nas.export.quantization.grid import steps_made
from nas.export.run import LiteModel
from nas.export.tflite import convert, fit_grid
from nas.network import Network, initialise
from nas.rounding.grid import Grid
from nas.rounding.network import roundings
from nas.train import Dataset, Recipe, load_dataset, logits, train
from nas.train.checkpoint import load_trained
from nas.train.data import with_pictures
from nas.train.distillation import Teacher
from nas.train.names import network_arrays
from nas.train.transfer import Start

SHAPE = (1, 8, 8, 1)
NETWORKS = {
    "relu6": """
        input 8x8x1
        stem  conv k3 s1 c8 act=relu6
        stage mbconv k3 s1 e2 c8 act=relu6
        stage fused_mbconv k3 s2 e2 c16 act=relu6
        head  pool
        head  dense c10
    """,
    "swish": """
        input 8x8x1
        stem  conv k3 s1 c8 act=swish
        stage mbconv k3 s2 e2 c8 se0.25 act=swish
        head  conv k1 c16 act=hard-swish
        head  pool
        head  dense c10
    """,
    "others": """
        input 8x8x1
        prepare normalise mean=0.3 std=0.2
        stem  conv k3 s1 c8 act=relu
        stage residual s2 c16
        stage fire c16 squeeze=4
        stage shuffle s1 c16 groups=2
        stage avg_pool k2 s2
        stage preact_residual c24
        head  pool
        head  dense c10
    """,
}
RECIPE = Recipe(epochs=2, batch_size=32, learning_rate=3e-4, weight_decay=0, warmup_epochs=0)


class Case(NamedTuple):
    """A network with weights as if trained, what it rounds to, and pictures."""

    architecture: Architecture
    network: Network
    grid: Grid
    dataset: Dataset


def used(architecture: Architecture) -> Network:
    """A network whose norms have statistics and factors of some size, as after a training."""
    network, generator = initialise(architecture), np.random.default_rng(0)
    for _, module in nnx.iter_modules(network):
        if hasattr(module, "var"):
            for name, low, high in (("var", 0.3, 3), ("scale", 0.5, 1.5), ("mean", -0.3, 0.3), ("bias", -0.3, 0.6)):
                variable = getattr(module, name)
                variable[...] = generator.uniform(low, high, variable.shape).astype(np.float32)
    network.eval()
    return network


@cache
def case_of(name: str) -> Case:
    architecture, dataset = Architecture.parse(NETWORKS[name]), with_pictures(load_dataset("digits"), 384, 0)
    network = used(architecture)
    pictures = [picture[None].astype(np.float32) / 127.5 - 1 for picture in dataset.train.images[:32]]
    return Case(architecture, network, fit_grid(network, SHAPE, pictures, "mse"), dataset)


@pytest.fixture
def plain() -> Case:
    return case_of("relu6")


def outputs(data: bytes, pictures: np.ndarray, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(data)
    return LiteModel(folder / "model.tflite", trusted=True).predict(pictures)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rounded_network_is_the_file(name: str, tmp_path: Path) -> None:
    case = case_of(name)
    pictures = case.dataset.test.images
    data = convert(case.network, SHAPE, "int8", grid=case.grid)
    assert steps_made(parse(data, "file").main) == case.grid.made
    file, rounded = outputs(data, pictures, tmp_path), logits(case.network, pictures, case.grid)
    found = closeness(rounded, file, case.grid)
    print(name, found)
    assert found.steps <= 2
    assert found.equal > 0.97
    assert found.agreement > 0.98
    exact = logits(case.network, pictures)
    assert ((file - rounded) ** 2).sum() < 0.02 * ((file - exact) ** 2).sum()


def trained_on(case: Case, folder: Path, epochs: int = 2, grid: Grid | None = None) -> Network:
    recipe = Recipe(**{**vars(RECIPE), "epochs": epochs})
    start, teacher = Start("before", network_arrays(case.network)), Teacher(case.network, 8, 1, 1)
    return train(
        case.architecture,
        case.dataset,
        recipe,
        start=start,
        teacher=teacher,
        checkpoints=folder,
        grid=grid or case.grid,
    ).network


def test_training_brings_the_rounded_network_nearer_to_float(plain: Case, tmp_path: Path) -> None:
    after = trained_on(plain, tmp_path)
    pictures = plain.dataset.test.images
    exact = logits(plain.network, pictures)

    def distance(outputs: np.ndarray) -> float:
        soft, softer = (jax.nn.log_softmax(values) for values in (outputs, exact))
        return float((np.exp(softer) * (softer - soft)).sum(-1).mean())

    data = convert(after, SHAPE, "int8", grid=plain.grid)
    file = outputs(data, pictures, tmp_path)
    before = distance(logits(plain.network, pictures, plain.grid))
    print(f"{before:.6f} before, {distance(file):.6f} after")
    assert distance(file) < before
    assert steps_made(parse(data, "file").main) == plain.grid.made
    assert closeness(logits(after, pictures, plain.grid), file, plain.grid).equal > 0.97
    old, new = (nnx.to_flat_state(nnx.state(network, nnx.BatchStat)) for network in (plain.network, after))
    assert all(np.array_equal(a[1][...], b[1][...]) for a, b in zip(old, new, strict=True))
    kept = load_trained(tmp_path)
    assert kept.epoch <= 2

    other = Grid(plain.grid.read, plain.grid.made, tuple((low, 2 * high) for low, high in plain.grid.ranges))
    with pytest.raises(InputError, match="holds a training with another grid"):
        trained_on(plain, tmp_path, grid=other)


def test_what_cannot_be_rounded_is_refused(plain: Case) -> None:
    with pytest.raises(InputError, match=r"dropout: found 0\.2; expected 0 in training that is rounded"):
        train(plain.architecture, plain.dataset, Recipe(epochs=1, dropout=0.2), grid=plain.grid)
    shorter = Grid(plain.grid.read, plain.grid.made[:-1], plain.grid.ranges)
    longer = Grid(plain.grid.read, (*plain.grid.made, plain.grid.made[0]), plain.grid.ranges)
    with pytest.raises(InputError, match=r"head2\.block1 makes conv .* where the int8 file makes nothing more"):
        roundings(plain.network, SHAPE[1:], shorter)
    with pytest.raises(InputError, match=r"the file makes conv \[8, 8, 8\] too"):
        roundings(plain.network, SHAPE[1:], longer)
    with pytest.raises(InputError, match=r"the network has .* tensors to round and the grid 1"):
        convert(plain.network, SHAPE, "int8", grid=Grid(plain.grid.read, plain.grid.made, plain.grid.ranges[:1]))
    odd = initialise(Architecture.parse(NETWORKS["relu6"].replace("act=relu6", "act=gelu")))
    odd.eval()
    with pytest.raises(InputError, match="rounding: has no form of the activation 'gelu'"):
        roundings(odd, SHAPE[1:], plain.grid)
