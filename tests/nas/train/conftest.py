"""A few digits, and networks small enough to train while a test waits."""

import os
from collections.abc import Iterator

import pytest

from nas.architecture import Architecture
from nas.train import Dataset, Recipe, load_dataset

SMALL = """
input 8x8x1
stem  conv k3 s1 c8 act=relu6
stage conv k1 c12 x2
stage mbconv k3 s2 e2 c12 se0.25 act=relu6
head  pool
head  dropout rate=0.1
head  dense c10
"""


@pytest.fixture(scope="session", autouse=True)
def cache_of_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps compiled programs away from the user's."""
    before = os.environ.get("EDGESCALE_CACHE")
    os.environ["EDGESCALE_CACHE"] = str(tmp_path_factory.mktemp("programs"))
    yield
    if before is None:
        del os.environ["EDGESCALE_CACHE"]
    else:
        os.environ["EDGESCALE_CACHE"] = before


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """160 digits to train on, and the other splits whole."""
    return load_dataset("digits", limit=160)


@pytest.fixture(scope="session")
def small() -> Architecture:
    """A network of six distinct blocks, with dropout and squeeze-and-excitation."""
    return Architecture.parse(SMALL)


@pytest.fixture(scope="session")
def brief() -> Recipe:
    """Three epochs of five steps."""
    return Recipe(epochs=3, batch_size=32, learning_rate=3e-3, warmup_epochs=1)
