import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.blocks.convolution import library_convolutions
from nas.errors import InputError
from nas.network import Network, initialise, steps

TEXT = """input 16x16x1
stem  conv k3 s1 c8 act=relu6
stage mbconv k3 s2 e4 c16 se0.25 x2
stage separable k5 s2 c24
head  pool
head  dropout rate=0.5
head  dense c10
"""


def evaluated(network, x):
    network.eval()
    return network(x)


def test_names_are_places_in_the_architecture():
    names = [step.name for step in steps(Architecture.parse(TEXT))]
    assert names == [
        "stem1.block1", "stage1.block1", "stage1.block2", "stage2.block1",
        "head1.block1", "head2.block1", "head3.block1"
    ]  # fmt: skip
    assert [name for name, _ in initialise(Architecture.parse(TEXT)).blocks()] == names


def test_only_the_first_repeat_takes_the_stride():
    shapes = [step.out_shape for step in steps(Architecture.parse(TEXT))]
    assert shapes[1:3] == [(8, 8, 16), (8, 8, 16)]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda x: x + x[:, 1:, 1:], r"add got incompatible shapes for broadcasting: \(1, 16, 16, 1\), .*"),
        (lambda x: x if x.sum() > 0 else -x, "Attempted boolean conversion of traced array .*"),
        (lambda x: x.reshape(3, 3), r"cannot reshape array .*"),
    ],
)
def test_what_a_block_cannot_compute_is_said_in_one_line(run, said):
    def shape_of(_, in_shape):
        return jax.eval_shape(run, jax.ShapeDtypeStruct((1, *in_shape), np.float32)).shape[1:]

    with pytest.raises(InputError, match=rf"^net line 2: conv on an input of \(16, 16, 1\): {said}$") as caught:
        steps(Architecture.parse(TEXT), "net", shape_of)
    assert "\n" not in str(caught.value)


def test_initialise_fills_what_flax_would():
    architecture = Architecture.parse(TEXT)
    ours = nnx.state(initialise(architecture, 0), nnx.Param)
    flax = nnx.state(Network(architecture, rngs=nnx.Rngs(0)), nnx.Param)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(flax), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if a.size > 500:
            np.testing.assert_allclose(a.std(), b.std(), rtol=0.2)


def test_initialise_repeats_itself_for_a_seed():
    architecture = Architecture.parse(TEXT)
    one, same, other = (jax.tree.leaves(nnx.state(initialise(architecture, seed), nnx.Param)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_initialise_builds_a_foreign_block_for_real():
    class Foreign(nnx.Module):
        def __init__(self):
            self.conv = nnx.Conv(1, 4, (3, 3), rngs=nnx.Rngs(0))

    from nas.network import fill

    kernel = jax.tree.leaves(nnx.state(fill(Foreign, 0), nnx.Param))[-1]
    assert float(jnp.abs(kernel).max()) > 0


def test_training_mode_updates_statistics_and_drops():
    network = initialise(Architecture.parse(TEXT))
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 16, 16, 1), np.float32))
    before = jax.tree.leaves(nnx.state(network, nnx.BatchStat))
    network.train()
    assert not np.allclose(network(x), network(x))
    after = jax.tree.leaves(nnx.state(network, nnx.BatchStat))
    assert not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    np.testing.assert_array_equal(evaluated(network, x), evaluated(network, x))


def test_library_convolutions_give_the_same_logits():
    network = initialise(Architecture.parse(TEXT))
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 16, 16, 1), np.float32))
    fast = evaluated(network, x)
    with library_convolutions():
        np.testing.assert_allclose(evaluated(network, x), fast, rtol=1e-4, atol=1e-5)
