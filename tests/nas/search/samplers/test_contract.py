"""What Optuna asks of every sampler, asked of ours by Optuna's own tests."""

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from nas.search.samplers import Draw, read
from nas.search.samplers.controller import PolicyGradient
from nas.search.samplers.evolution import RegularizedEvolution
from nas.search.samplers.local import LocalSearch
from nas.search.samplers.seeded import Seeded

OURS = {
    "evolution": lambda: RegularizedEvolution(population=4, tournament=2, seed=0),
    "controller": lambda: PolicyGradient(seed=0),
    "local": lambda: LocalSearch(seed=0),
}


@pytest.mark.parametrize("sampler", [pytest.param(make, id=name) for name, make in OURS.items()])
class TestOurs(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """Parameters of any kind, alone and together."""


def seeded(text: str) -> BaseSampler:
    return Seeded(read(text).make, Draw(0, 0))


@pytest.mark.parametrize("sampler", [pytest.param(lambda: seeded("random"), id="random")])
class TestSeeded(MultiObjectiveSamplerTestCase):
    """A sampler for one trial, which gives a choice the same value however often it is asked."""
