"""What every registered block must do: its promised shape, its true cost, gradients, clear refusals.

What exported files must do is in `test_contract_of_export.py`.
"""

import math
import re
from dataclasses import MISSING, fields

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.blocks import KINDS
from nas.blocks.convolution import library_convolutions
from nas.blocks.layers import Conv
from nas.errors import InputError
from nas.network import output_shape
from nas.trace import trace_block
from tests.nas.blocks.examples import EXAMPLES, block_of, module_of, picture, run

every_example = pytest.mark.parametrize(("line", "in_shape", "out_shape"), EXAMPLES)
every_input = pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
every_stage_block = pytest.mark.parametrize(
    ("line", "out_shape"),
    [(line, out) for line, _, out in EXAMPLES if KINDS[line.split()[0]].options.repeatable and "padding" not in line],
)


def test_every_registered_kind_has_an_example():
    assert {line.split()[0] for line, *_ in EXAMPLES} == set(KINDS)


@every_example
def test_block_gives_the_shape_it_promises(line, in_shape, out_shape):
    assert output_shape(block_of(line), in_shape) == out_shape
    assert trace_block(block_of(line), in_shape).out_shape == out_shape
    module = module_of(line, in_shape)
    module.eval()
    y = run(module, picture(in_shape))
    assert y.shape == (4, *out_shape)
    assert y.dtype == jnp.float32
    assert jnp.isfinite(y).all()
    with library_convolutions():
        np.testing.assert_allclose(run(module, picture(in_shape)), y, rtol=1e-4, atol=1e-5)


@every_input
def test_traced_cost_is_that_of_the_actual_arrays(line, in_shape, monkeypatch):
    calls = []

    def recorded(conv, x, call=Conv.__call__):
        y = call(conv, x)
        calls.append((y.shape, conv.kernel[...].shape))
        return y

    traced = trace_block(block_of(line), in_shape)  # before its convolutions would be recorded too
    module = module_of(line, in_shape)
    module.eval()
    monkeypatch.setattr(Conv, "__call__", recorded)
    y = jax.eval_shape(lambda x: module(x), picture(in_shape, batch=1))
    assert traced.params == sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))
    assert traced.statistics == sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.BatchStat)))
    assert traced.macs == sum(math.prod(out) * math.prod(kernel[:3]) for out, kernel in calls)
    convolutions = [op for op in traced.ops if op.macs]
    assert sorted(op.weights for op in convolutions) == sorted(math.prod(kernel) for _, kernel in calls)
    assert traced.out_shape == y.shape[1:] == (traced.ops[-1].out_shape if traced.ops else in_shape)


@every_input
def test_ops_read_what_was_written_before(line, in_shape):
    written = {0}
    for op in trace_block(block_of(line), in_shape).ops:
        assert set(op.inputs) <= written
        assert op.output not in written
        written.add(op.output)


@every_example
def test_gradients_reach_every_parameter(line, in_shape, out_shape):
    module = module_of(line, in_shape)
    module.train()
    x = picture(in_shape)
    weights = picture(out_shape)

    def loss(module, x):
        return jnp.sum(weights * module(x))

    with library_convolutions():
        grads, x_grad = nnx.jit(nnx.grad(loss, argnums=(0, 1)))(module, x)
    assert jnp.abs(x_grad).max() > 0
    for path, grad in nnx.to_flat_state(grads):
        largest = jnp.abs(grad[...]).max()
        assert jnp.isfinite(largest), path
        assert largest > 0, path


@every_stage_block
def test_repeating_keeps_the_picture_s_size(line, out_shape):
    assert output_shape(block_of(line).following, out_shape)[:2] == out_shape[:2]


def bad_options():
    """For every kind and option a value out of range and one of a wrong type."""
    for kind, registered in KINDS.items():
        needed = " ".join(f"{f.name}=4" for f in fields(registered.options) if f.default is MISSING)
        yield f"{kind} {needed} colour=3", "unknown option 'colour'"
        for f in fields(registered.options):
            rest = " ".join(f"{g.name}=4" for g in fields(registered.options) if g.default is MISSING and g != f)
            yield f"{kind} {rest} {f.name}=-1", re.escape(f.name)
            if f.type != "str" and f.type is not str:
                yield f"{kind} {rest} {f.name}=many", f"{f.name} is 'many'; expected (int|float)"
            if f.default is MISSING:
                yield f"{kind} {rest}", f"says no {f.name}, which it needs"


RULES_OF_ONE_BLOCK = [
    ("preact_residual c8 k4", "kernel is 4; expected an odd number"),
    ("preact_bottleneck c8 k2", "kernel is 2; expected an odd number"),
    ("normalise mean=nan std=1", "mean is 'nan'; expected floats"),
    ("normalise mean=0.5,inf,0.5 std=1", "mean is '0.5,inf,0.5'; expected floats"),
    ("normalise mean=0.5 std=inf", "std is 'inf'; expected floats"),
]


@pytest.mark.parametrize(("line", "message"), [*bad_options(), *RULES_OF_ONE_BLOCK])
def test_bad_options_are_refused_in_one_line(line, message):
    with pytest.raises(InputError, match=message) as caught:
        block_of(line)
    assert str(caught.value).startswith("architecture line 2: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "in_shape", "message"),
    [
        ("conv g3 c9", (8, 8, 8), "groups is 3; expected a divisor of 8 and 9"),
        ("conv k9 c8 padding=valid", (8, 8, 8), "a window of 9 does not fit into 8 pixels"),
        ("max_pool k9 padding=valid", (8, 8, 8), "a window of 9 does not fit into 8 pixels"),
        ("shuffle c8 s2 g1", (8, 8, 8), "channels is 8; expected more than the input's 8"),
        ("mbconv c8", (8,), r"the input is flat; expected \(height, width, channels\)"),
        ("transition", (1, 1, 8), "a window of 2 does not fit into 1 pixels"),
        ("reduction_35", (2, 2, 8), "a window of 3 does not fit into 2 pixels"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(line, in_shape, message):
    with pytest.raises(ValueError, match=message):
        output_shape(block_of(line), in_shape)
