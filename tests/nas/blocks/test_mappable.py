"""Operations in the form that the Edge TPU maps: the same numbers, and costed as what they stand for."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.blocks.convolution import PADDINGS, mappable_operations
from nas.blocks.pool import max_pool
from nas.trace import trace_block
from tests.nas.blocks.examples import block_of, module_of, picture, run


def test_max_pools_are_the_same_to_the_last_bit():
    cases = list(itertools.product(PADDINGS, (2, 3, 5), (1, 2, 3)))
    x = picture((9, 8, 2)) - 5  # negative, as zeros around it would show

    def all_of_them(x):
        return [max_pool(x, kernel, stride, padding) for padding, kernel, stride in cases]

    expected = jax.jit(all_of_them)(x)
    with mappable_operations():
        found = jax.jit(lambda x: all_of_them(x))(x)
    for case, mine, other in zip(cases, found, expected, strict=True):
        assert jnp.isfinite(other).all(), case
        np.testing.assert_array_equal(mine, other, str(case))


GROUPED = [
    "conv c8 g2",
    "conv k3 s2 c16 g4 act=swish",
    "conv c8 g4 norm=bias padding=symmetric",
    "conv c8 g2 norm=none",
]


@pytest.mark.parametrize("line", [*GROUPED, "preact_residual k3 c8 g2", "shuffle c24 g4"])
def test_groups_are_convolutions_of_their_own(line):
    module = module_of(line, (8, 8, 8))
    module.eval()
    x = picture((8, 8, 8))
    expected = run(module, x)
    with mappable_operations():
        np.testing.assert_allclose(run(module, x), expected, rtol=1e-4, atol=1e-5)
        equations = jax.make_jaxpr(lambda x: module(x))(x).eqns
    convolutions = [e for e in equations if e.primitive.name == "conv_general_dilated"]
    assert len(convolutions) >= 2
    for convolution in convolutions:
        groups, kernel = convolution.params["feature_group_count"], convolution.invars[1].aval.shape
        assert groups == 1 or kernel[2] == 1


@pytest.mark.parametrize("line", GROUPED)
def test_groups_are_costed_as_one_convolution(line):
    (convolution,) = [op for op in trace_block(block_of(line), (8, 8, 8)).ops if op.macs]
    assert convolution.groups == int(line.split(" g")[1][0])


def test_padded_max_pool_is_costed_as_padding_and_one_pool():
    ops = trace_block(block_of("max_pool k3 s2 padding=symmetric"), (8, 8, 4)).ops
    assert [op.kind for op in ops] == ["pad", "max_pool"]
