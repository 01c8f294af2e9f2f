import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import Rules, proportions
from scaling.proportions import NEAR, grid

SMALL = Architecture.parse(
    """
    input 16x16x3
    stem conv k3 s1 c16
    stage conv k3 s2 c16 x2
    stage conv k3 s2 c32 x2
    head pool
    head dense c10
    """
)
FINE = Rules(divisor=4, rounding="nearest")


def macs(architecture):
    return float(trace(architecture).macs)


def test_grid_shares_out_the_doubling():
    coefficients = grid(4)
    assert len(coefficients) == len(set(coefficients)) == 15
    assert all(c.growth == pytest.approx(2, rel=1e-3) for c in coefficients)


def test_proportions_cost_about_twice_as_much_as_traced():
    found = proportions(SMALL, macs, 2, FINE)
    assert len({one.member for one in found}) == len(found) >= 4
    for one in found:
        assert one.times == pytest.approx(macs(one.member) / macs(SMALL))
        assert 2 / NEAR <= one.times <= 2 * NEAR


def test_proportions_differ_where_the_cost_is_no_macs():
    """On hardware for which resolution is free, twice the cost by resolution alone is out of reach."""
    free = proportions(
        SMALL, lambda a: sum(float(layer.get("channels") or 0) * layer.repeats for layer in a.layers), 2, FINE
    )
    assert all(one.coefficients.alpha > 1 or one.coefficients.beta > 1 for one in free)


def test_dimensions_that_cannot_grow_have_no_part():
    single = Architecture.parse("input 16x16x3\nstem conv k3 c16\nhead conv k1 c32\nhead pool\nhead dense c10")
    assert all(one.coefficients.alpha == 1 for one in proportions(single, macs, 2, FINE))


def test_proportions_of_a_network_without_members_in_reach_are_refused():
    with pytest.raises(InputError, match="no proportion has a member of about twice the cost"):
        proportions(SMALL, lambda _: 1.0, 1, FINE)
