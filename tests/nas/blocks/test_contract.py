"""What every registered block must do: its promised shape, its true cost, gradients, clear refusals.

A new kind of block needs a line in `EXAMPLES` for each of its variants.
"""

import math
import re
from dataclasses import MISSING, fields

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import KINDS, resolve
from nas.blocks.convolution import library_convolutions
from nas.blocks.layers import Conv
from nas.errors import InputError
from nas.network import fill, output_shape
from nas.trace import trace_block

# Options of the block, shape it reads, shape it promises.
EXAMPLES = [
    ("amoebanet_a c8 cells=1 stages=1", (12, 12, 8), (3, 3, 32)),
    ("avg_pool k3 s2", (7, 7, 4), (4, 4, 4)),
    ("avg_pool k2 s2 padding=valid", (7, 7, 4), (3, 3, 4)),
    ("bottleneck k3 s2 c16 e2 se0.25", (8, 8, 8), (4, 4, 16)),
    ("bottleneck k3 c8 g2 e2", (8, 8, 8), (8, 8, 8)),
    ("bottleneck k3 s2 c16 stride_on=reduce", (9, 9, 8), (5, 5, 16)),
    ("conv k3 s2 c8 act=swish se0.5", (9, 9, 3), (5, 5, 8)),
    ("conv k3 c8 d2 g2 act=hard-swish norm=none", (8, 8, 4), (8, 8, 8)),
    ("conv k5 s2 c8 act=leaky-relu padding=valid norm=bias", (8, 8, 3), (2, 2, 8)),
    ("conv k4 c8 padding=symmetric", (8, 8, 3), (9, 9, 8)),
    ("darknet_residual c8", (8, 8, 8), (8, 8, 8)),
    ("darknet_residual s2 c16", (8, 8, 8), (4, 4, 16)),
    ("dense c10", (4, 4, 3), (10,)),
    ("dense c10 act=relu", (12,), (10,)),
    ("dense_layer growth=4 e2", (8, 8, 6), (8, 8, 10)),
    ("dropout rate=0.5", (4, 4, 3), (4, 4, 3)),
    ("fire squeeze=4 c16", (8, 8, 6), (8, 8, 16)),
    ("fire squeeze=4 c16 norm=bias", (8, 8, 6), (8, 8, 16)),
    ("flatten", (3, 3, 4), (36,)),
    ("fused_mbconv k3 s2 e4 c16 se0.5", (8, 8, 8), (4, 4, 16)),
    ("fused_mbconv k3 e1 c8", (8, 8, 8), (8, 8, 8)),
    ("fused_mbconv k3 e4 c8 group_size=8", (8, 8, 8), (8, 8, 8)),
    ("inception one=4 three_reduce=3 three=5 five_reduce=2 five=6 pool=7", (8, 8, 6), (8, 8, 22)),
    ("inception_35 one=4 five_reduce=2 five=5 double_reduce=3 double=6 pool=7", (8, 8, 6), (8, 8, 22)),
    ("inception_17 inner=4 branch=6", (9, 9, 6), (9, 9, 24)),
    ("inception_8 one=4 split=3 double_reduce=5 pool=6", (8, 8, 6), (8, 8, 22)),
    ("max_pool k3 s2", (7, 7, 4), (4, 4, 4)),
    ("max_pool k3 s2 padding=ceil", (8, 8, 4), (4, 4, 4)),
    ("max_pool k3 s2 padding=valid", (8, 8, 4), (3, 3, 4)),
    ("mbconv k5 s2 e4 c16 se0.25 act=swish", (9, 9, 8), (5, 5, 16)),
    ("mbconv k3 e1 c8 skip=0", (8, 8, 8), (8, 8, 8)),
    ("mbconv e2.5 c8 se0.25 se_of=expanded se_divisor=8 se_gate=hard-sigmoid se_activation=relu", (8, 8, 8), (8, 8, 8)),
    ("nasnet_a c8 cells=1 stages=1", (13, 13, 8), (4, 4, 48)),
    ("norm act=relu6", (4, 4, 3), (4, 4, 3)),
    ("pool", (5, 5, 4), (1, 1, 4)),
    ("preact_bottleneck k3 s2 c16", (8, 8, 8), (4, 4, 16)),
    ("preact_bottleneck k3 c8 e2 se0.5", (8, 8, 8), (8, 8, 8)),
    ("preact_residual k3 s2 c16", (8, 8, 8), (4, 4, 16)),
    ("preact_residual k3 c8", (8, 8, 8), (8, 8, 8)),
    ("reduction_17 inner=4 three=5", (9, 9, 6), (4, 4, 15)),
    ("reduction_35 three=5 double_reduce=3 double=4", (9, 9, 6), (4, 4, 15)),
    ("residual k3 s2 c16 se0.25", (8, 8, 8), (4, 4, 16)),
    ("residual k3 c8", (8, 8, 8), (8, 8, 8)),
    ("separable k3 s2 c16 se0.5", (8, 8, 8), (4, 4, 16)),
    ("shuffle c24 g3 s2 first_groups=1", (8, 8, 6), (4, 4, 24)),
    ("shuffle c24 g3", (8, 8, 24), (8, 8, 24)),
    ("shuffle c24 g3", (8, 8, 12), (8, 8, 24)),
    ("shuffle_v2 c16", (8, 8, 16), (8, 8, 16)),
    ("shuffle_v2 c16 s2", (8, 8, 6), (4, 4, 16)),
    ("transition", (7, 7, 6), (3, 3, 3)),
    ("transition compression=1 s1", (7, 7, 6), (7, 7, 6)),
]
every_example = pytest.mark.parametrize(("line", "in_shape", "out_shape"), EXAMPLES)
every_input = pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
every_stage_block = pytest.mark.parametrize(
    ("line", "out_shape"),
    [(line, out) for line, _, out in EXAMPLES if KINDS[line.split()[0]].options.repeatable and "padding" not in line],
)


@pytest.fixture(autouse=True, scope="module")
def compile_quickly():
    """What is compiled here runs once, on small pictures."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def block_of(line):
    return resolve(Architecture.parse(f"input 8x8x3\nstage {line}").layers[0])


def module_of(line, in_shape):
    return fill(lambda: block_of(line).build(in_shape, nnx.Rngs(0)), seed=0)


def run(module, x):
    return nnx.jit(lambda module, x: module(x))(module, x)


def picture(in_shape, batch=4):
    return jnp.asarray(np.random.default_rng(0).normal(size=(batch, *in_shape)), jnp.float32)


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

    module = module_of(line, in_shape)
    module.eval()
    monkeypatch.setattr(Conv, "__call__", recorded)
    y = jax.eval_shape(lambda x: module(x), picture(in_shape, batch=1))
    traced = trace_block(block_of(line), in_shape)
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


@pytest.mark.parametrize(("line", "message"), list(bad_options()))
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
