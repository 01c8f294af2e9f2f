import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import lax

from nas.architecture import Architecture
from nas.blocks.layers import BatchNorm, Conv, ConvNorm
from nas.errors import InputError
from nas.memory import FORMATS, block_memory
from nas.network import steps
from nas.trace import trace, trace_block, trace_module

SMALL = """input 16x16x3
stem  conv k3 s2 c8 act=relu6
stage mbconv k3 s2 e4 c16 se0.25 x2
stage bottleneck k3 s1 c32 e2
head  conv k1 c32 act=swish
head  pool
head  dropout rate=0.2
head  dense c10
"""


def kinds(text):
    return [op.kind for op in trace(Architecture.parse(text)).ops]


def test_convolution_with_norm_and_activation_is_one_op():
    (op,) = trace(Architecture.parse("input 8x8x3\nstem conv k3 s2 c4 act=relu6")).ops
    assert (op.kind, op.activation, op.in_shape, op.out_shape) == ("conv", "relu6", (8, 8, 3), (4, 4, 4))
    assert (op.kernel, op.stride, op.weights, op.biases, op.macs) == ((3, 3), 2, 108, 4, 4 * 4 * 4 * 27)


def test_padding_that_no_deployed_op_has_is_an_op_of_its_own():
    pad, conv = trace(Architecture.parse("input 8x8x3\nstem conv k3 s2 c4 padding=symmetric")).ops
    assert (pad.kind, pad.in_shape, pad.out_shape) == ("pad", (8, 8, 3), (10, 10, 3))
    assert (conv.inputs, conv.in_shape, conv.out_shape) == ((pad.output,), (10, 10, 3), (4, 4, 4))
    assert kinds("input 8x8x3\nstem conv k3 c4 padding=symmetric") == ["conv"]
    assert kinds("input 9x9x3\nstem max_pool k3 s2 padding=valid") == ["max_pool"]


def test_mean_pool_takes_in_the_division_by_its_counts():
    (op,) = trace(Architecture.parse("input 8x8x3\nstem avg_pool k3 s2")).ops
    assert (op.kind, op.kernel, op.stride) == ("average_pool", (3, 3), 2)


def test_swish_is_not_fused():
    assert kinds("input 8x8x3\nstem conv k3 c4 act=swish") == ["conv", "activation"]


def test_residual_addition_carries_its_relu():
    ops = trace(Architecture.parse("input 8x8x4\nstage residual c4")).ops
    assert [op.kind for op in ops] == ["conv", "conv", "add"]
    assert ops[-1].inputs == (2, 0)
    assert ops[-1].activation == "relu"


def test_squeeze_and_excitation_reads_the_tensor_it_scales():
    ops = trace(Architecture.parse("input 8x8x8\nstage mbconv k3 e2 c8 se0.5")).ops
    assert [op.kind for op in ops] == [
        "conv", "depthwise_conv", "average_pool", "conv", "conv", "activation", "mul", "conv", "add"
    ]  # fmt: skip
    assert ops[6].inputs == (2, 6)
    assert ops[8].inputs == (0, 8)


def test_batch_norm_away_from_a_convolution_stays():
    class Alone(nnx.Module):
        def __init__(self):
            self.norm = BatchNorm(4, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.norm(x)

    assert [op.kind for op in trace_module(Alone, (8, 8, 4)).ops] == ["mul", "add"]


def test_parameters_and_macs_equal_an_independent_count():
    from nas.network import initialise

    architecture = Architecture.parse(SMALL)
    network = initialise(architecture)
    arrays = jax.tree.leaves(nnx.state(network, nnx.Param))
    assert trace(architecture).params == sum(array.size for array in arrays)
    # By hand: stem, two MBConv with squeeze-and-excitation, bottleneck with projection, head, dense.
    stem = 8 * 8 * 8 * 27
    first = 64 * 8 * 32 + 16 * 32 * 9 + 2 * 32 * 2 + 16 * 32 * 16
    second = 16 * 16 * 64 + 16 * 64 * 9 + 2 * 64 * 4 + 16 * 64 * 16
    bottleneck = 16 * (16 * 16 + 16 * 16 * 9 + 16 * 32 + 16 * 32)
    assert trace(architecture).macs == stem + first + second + bottleneck + 16 * 32 * 32 + 320


def test_equal_blocks_share_one_trace():
    architecture = Architecture.parse("input 8x8x8\nstage mbconv c8 x3\nhead dense c2")
    first, second, third, _ = trace(architecture).layers
    assert first.block is second.block is third.block
    step = steps(architecture)[0]
    assert trace_block(step.block, step.in_shape) is first.block


def test_foreign_flax_layers_are_traced():
    block = trace_module(lambda: nnx.Conv(3, 8, (3, 3), rngs=nnx.Rngs(0)), (8, 8, 3))
    (op,) = block.ops
    assert (op.kind, op.macs, op.biases, block.params) == ("conv", 8 * 8 * 8 * 27, 8, 224)


def test_every_part_of_a_split_is_followed():
    class Parted(nnx.Module):
        def __init__(self):
            self.convs = nnx.List([Conv(2, 4, 3, rngs=nnx.Rngs(0)), Conv(2, 4, rngs=nnx.Rngs(0))])

        def __call__(self, x):
            shares = jnp.split(x, 2, -1)
            return jnp.concatenate([conv(share) for conv, share in zip(self.convs, shares, strict=True)], -1)

    block = trace_module(Parted, (8, 8, 4))
    assert [(op.kind, op.inputs, op.output) for op in block.ops] == [
        ("split", (0,), 1), ("split", (0,), 2), ("conv", (1,), 3), ("conv", (2,), 4), ("concat", (3, 4), 5)
    ]  # fmt: skip
    assert block.macs == 64 * (2 * 4 * 9 + 2 * 4)
    assert block_memory(block, FORMATS[1]).activations == 64 * (2 + 2 + 4 + 4 + 8)


def test_equal_calls_of_a_compiled_function_are_traced_alike():
    unit = nnx.jit(lambda module, x: module(x))
    joined = jax.jit(lambda x, y: x + y)

    class Twice(nnx.Module):
        def __init__(self):
            self.convs = nnx.List([ConvNorm(4, 4, 3, activation="relu", rngs=nnx.Rngs(0)) for _ in range(2)])

        def __call__(self, x):
            y = unit(self.convs[1], unit(self.convs[0], x))
            return joined(joined(x, y), jnp.ones((1, 8, 8, 4)))

    ops = trace_module(Twice, (8, 8, 4)).ops
    assert [(op.kind, op.inputs, op.biases, op.activation) for op in ops] == [
        ("conv", (0,), 4, "relu"), ("conv", (1,), 4, "relu"), ("add", (0, 2), 0, ""), ("add", (3,), 0, "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("scan", lambda x: lax.map(lambda row: row + 1, x)),
        ("while", lambda x: lax.while_loop(lambda y: y.sum() < 9, lambda y: 2 * y, x)),
        ("cond", lambda x: lax.cond(x.sum() > 0, lambda y: y, lambda y: -y, x)),
    ],
)
def test_loops_and_branches_are_refused(name, run):
    class Repeating(nnx.Module):
        def __call__(self, x):
            return run(x)

    with pytest.raises(ValueError, match=f"^found JAX's {name}; expected no loops and no branches"):
        trace_module(Repeating, (8, 8, 4))


def test_block_that_cannot_take_its_input_is_named():
    with pytest.raises(InputError, match=r"net line 2: conv on an input of \(8, 8, 3\): groups is 2"):
        trace(Architecture.parse("input 8x8x3\nstem conv c4 g2\nhead dense c2"), "net")


def test_trace_computes_nothing():
    with jax.checking_leaks(), jax.transfer_guard("disallow"):
        assert trace(Architecture.parse(SMALL.replace("c32", "c40"))).params > 0
    assert jnp.zeros(()).size == 1
