"""Members to a budget, on costs that are as uneven as those of devices."""

import math

import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import Coefficients, Rules, fit
from scaling.tried import RANGE
from tests.scaling.networks import TINY


def pixels(architecture):
    """A cost that needs no trace: places times the sum of widths times blocks."""
    return architecture.resolution**2 * sum(
        int(layer.get("channels") or 0) * layer.repeats for layer in architecture.layers
    )


@pytest.mark.parametrize("times", [0.4, 1, 2.5, 9, 40])
def test_fit_is_within_the_budget_and_near_it(times):
    budget = times * pixels(TINY)
    found = fit(TINY, lambda architecture: pixels(architecture) / budget, "m")
    assert 0.9 <= found.used <= 1
    assert found.used == pixels(found.member.architecture) / budget
    assert found.member.name == "m"


def test_fit_to_parameters_and_macs_as_traced():
    for cost in (lambda traced: traced.params, lambda traced: traced.macs):
        budget = 3 * cost(trace(TINY))
        found = fit(TINY, lambda architecture, b=budget, c=cost: c(trace(architecture)) / b, "m")
        assert 0.9 <= found.used <= 1


def test_fit_finds_the_largest_beyond_a_jump_that_falls_back():
    """Networks of 40 to 60 pixels cost 1.25 times as much: a bisection would end below them."""

    def used(architecture):
        return pixels(architecture) * (1.25 if 40 <= architecture.resolution <= 60 else 1) / (8 * pixels(TINY))

    found = fit(TINY, used, "m")
    assert found.member.architecture.resolution > 60 or found.used >= 0.9


def test_fit_that_keeps_the_proportions_has_one_phi():
    found = fit(TINY, lambda architecture: architecture.resolution / 64, "m", Coefficients(1, 1, 1.42))
    assert found.in_proportion
    assert found.member.phi == found.phis.width
    assert found.member.architecture.resolution == 64


def test_fit_goes_on_in_other_dimensions_where_depth_cannot():
    found = fit(TINY, lambda a: max(a.resolution / 48, 2.0 * (sum(layer.repeats for layer in a.layers) > 7)), "m")
    assert found.phis.depth == 0
    assert found.phis.resolution > 0
    assert found.used >= 0.9


def test_fit_with_the_width_kept_grows_in_the_rest():
    def used(architecture):
        wide = int(architecture.layers[-1 - 2].get("channels") or 0) > 64
        return max(pixels(architecture) / (6 * pixels(TINY)), 1.5 if wide else 0)

    found = fit(TINY, used, "m", keep_width=True)
    assert 0.9 <= found.used <= 1
    assert found.phis.width < found.phis.resolution


def test_fit_gives_the_nearest_where_none_fits_and_the_largest_where_all_do():
    small = fit(TINY, lambda architecture: 10 * pixels(architecture), "m")
    assert small.used > 1
    assert pixels(small.member.architecture) < pixels(TINY)
    large = fit(TINY, lambda _: 0.01, "m")
    assert large.phis.width == RANGE[1]


def test_fit_passes_over_networks_without_a_cost():
    def used(architecture):
        if architecture.resolution > 40:
            raise InputError("out of reach")
        return 0.95

    assert fit(TINY, used, "m").member.architecture.resolution == 40


def test_fit_never_falls_below_the_strides():
    strided = Architecture.parse("input 16x16x3\nstem conv k3 s4 c8\nstage conv k3 s4 c8 x2\nhead pool\nhead dense c10")
    found = fit(strided, lambda architecture: 2 * architecture.resolution, "m", rules=Rules(multiple=2))
    assert found.member.architecture.resolution == 16


@pytest.mark.parametrize("coefficients", [Coefficients(1.5), Coefficients(1, 1, 1)])
def test_fit_refuses_coefficients_that_do_not_about_double_the_cost(coefficients):
    with pytest.raises(InputError, match=r"alpha \* beta\^2 \* gamma\^2 is .* expected about 2, that is 1\.8 to 2\.2"):
        fit(TINY, lambda _: math.inf, "m", coefficients)


def test_fit_refuses_what_cannot_grow():
    perceptron = Architecture.parse("input 28x28x1\nhead dense c512 act=relu\nhead dense c10")
    with pytest.raises(InputError, match="no stage to repeat"):
        fit(perceptron, lambda _: 1, "m")
