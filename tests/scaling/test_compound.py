import math

import pytest

from nas.errors import InputError
from scaling.compound import PAPER, Coefficients, Factors, compound


def test_compound_at_zero_is_the_network_itself() -> None:
    assert compound(0) == Factors(1, 1, 1)


def test_compound_raises_each_coefficient_to_phi() -> None:
    assert compound(3, Coefficients(1.3, 1.2, 1.1)) == Factors(1.3**3, 1.2**3, 1.1**3)


def test_paper_coefficients_grow_cost_by_192_percent() -> None:
    assert math.isclose(PAPER.growth, 1.92, abs_tol=0.001)


def test_published_b7_is_not_one_phi() -> None:
    phis = [math.log(3.1, PAPER.alpha), math.log(2.0, PAPER.beta), math.log(600 / 224, PAPER.gamma)]
    assert [round(phi, 2) for phi in phis] == [6.21, 7.27, 7.05]


@pytest.mark.parametrize("values", [(0.9, 1.1, 1.1), (1.2, 5, 1.1), (1.2, 1.1, math.nan)])
def test_coefficients_refuse_what_is_out_of_range(values: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match=r"coefficients: .* expected 1 "):
        Coefficients(*values)


@pytest.mark.parametrize("phi", [-11, 21, math.nan])
def test_compound_refuses_absurd_phi(phi: float) -> None:
    with pytest.raises(InputError, match=r"phi is .* expected -10 to 20"):
        compound(phi)
