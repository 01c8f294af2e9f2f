"""The NAS-Bench-201 cell: what is special about it; what holds for every block is in test_contract.py."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import resolve
from nas.blocks.nasbench201 import EDGES, OPERATIONS
from nas.errors import InputError
from nas.network import fill
from nas.trace import trace_block


def cell(**operations):
    line = " ".join(f"{edge}={operation}" for edge, operation in operations.items())
    return resolve(Architecture.parse(f"input 8x8x3\nstage nasbench201 c4 {line}").layers[0])


def outputs(block, x):
    module = fill(lambda: block.build(x.shape[1:], nnx.Rngs(0)), seed=0)
    module.eval()
    return module(x)


def picture():
    return jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 5, 4)), jnp.float32)


@pytest.mark.parametrize(
    "operations",
    [
        {},
        {"ab": "nor_conv_3x3", "ac": "avg_pool_3x3", "bc": "skip_connect"},
        {"bd": "skip_connect", "cd": "avg_pool_3x3"},
    ],
)
def test_zeros_where_no_path_joins_input_and_output(operations):
    y = outputs(cell(**operations), picture())

    assert y.shape == (2, 5, 5, 4)
    assert (y == 0).all()


def test_nodes_are_sums_over_their_edges():
    x = picture()

    twice = outputs(cell(ab="skip_connect", ad="skip_connect", bd="skip_connect"), x)
    four_times = outputs(cell(**dict.fromkeys(EDGES, "skip_connect")), x)

    np.testing.assert_allclose(twice, 2 * x, rtol=1e-6)
    np.testing.assert_allclose(four_times, 4 * x, rtol=1e-6)


def test_ops_that_lead_nowhere_are_idle_and_their_parameters_counted():
    traced = trace_block(cell(ab="nor_conv_3x3", ad="skip_connect"), (5, 5, 4))

    assert traced.ops == ()
    assert [op.kind for op in traced.idle] == ["activation", "conv", "mul"]
    assert traced.params == 9 * 4 * 4 + 2 * 4
    assert traced.macs == 0


def test_ops_on_zeros_are_ops():
    traced = trace_block(cell(bd="nor_conv_1x1", ad="skip_connect"), (5, 5, 4))

    assert [op.kind for op in traced.ops] == ["mul", "activation", "conv", "add"]


def test_all_pairs_of_operations_can_be_traced():
    for first, second in itertools.product(OPERATIONS, repeat=2):
        traced = trace_block(cell(ab=first, bd=second), (5, 5, 4))
        assert traced.out_shape == (5, 5, 4)


def test_bad_cells_are_refused():
    with pytest.raises(InputError, match=r"nasbench201: ab: unknown operation 'conv'\. Known: avg_pool_3x3"):
        cell(ab="conv")
    with pytest.raises(ValueError, match="channels is 4; expected 6, those of the input"):
        trace_block(cell(ab="none"), (5, 5, 6))
