import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.batch_norm import batch_norm, batch_norm_in_training
from nas.blocks.stochastic_depth import branches_times
from tests.nas.blocks.examples import EXAMPLES, module_of, picture

# Blocks that add their input to a branch, and what follows the sum.
SKIPPING = [
    ("mbconv c8", None),
    ("fused_mbconv c8", None),
    ("darknet_residual c8", None),
    ("preact_residual c8", None),
    ("preact_bottleneck c8", None),
    ("residual c8", jax.nn.relu),
    ("bottleneck c8", jax.nn.relu),
    ("shuffle c8 g1", jax.nn.relu),
]


@pytest.mark.parametrize(("line", "after"), SKIPPING)
def test_pictures_go_around_the_branch_that_is_left_out(line, after):
    module, x = module_of(line, (4, 4, 8)), picture((4, 4, 8), batch=3)
    module.eval()  # in which pictures do not see each other

    @jax.jit
    def outputs(x):
        with branches_times(jnp.array([0.0, 1.0, 2.0])):
            times = module(x)
        return times, module(x)

    times, once = (np.asarray(y) for y in outputs(x))
    around = np.asarray(x if after is None else after(x))
    np.testing.assert_allclose(times[0], around[0], atol=1e-6)
    np.testing.assert_allclose(times[1], once[1], atol=1e-5)
    assert not np.allclose(once[0], around[0], atol=1e-2)
    if after is None:
        np.testing.assert_allclose(times[2] - around[2], 2 * (once[2] - around[2]), atol=1e-4)


@pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
def test_every_block_computes_in_the_precision_of_its_input(line, in_shape):
    module = module_of(line, in_shape)
    graph, state = nnx.split(module)
    x = jax.ShapeDtypeStruct((4, *in_shape), jnp.bfloat16)
    y, after = jax.eval_shape(lambda state, x: _run(graph, state, x), state, x)
    assert y.dtype == jnp.bfloat16
    assert [leaf.dtype for leaf in jax.tree.leaves(after)] == [leaf.dtype for leaf in jax.tree.leaves(state)]


def _run(graph, state, x):
    module = nnx.merge(graph, state)
    return module(x), nnx.state(module)


@pytest.mark.parametrize("activation", ["none", "relu6", "swish", "hard-swish"])
def test_batch_norm_has_the_gradients_that_differentiation_finds(activation):
    generator = np.random.default_rng(0)
    x, weights = (jnp.asarray(generator.normal(1, 2, (4, 3, 3, 5)), jnp.float32) for _ in range(2))
    scale, bias = (jnp.asarray(generator.normal(1, 1, 5), jnp.float32) for _ in range(2))

    def plain(x, scale, bias):
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return jnp.sum(weights * ACTIVATIONS[activation](batch_norm(x, mean, var, scale, bias, 1e-3)))

    def ours(x, scale, bias):
        return jnp.sum(weights * batch_norm_in_training(x, scale, bias, 1e-3, ACTIVATIONS[activation])[0])

    found, expected = (jax.jit(jax.value_and_grad(f, (0, 1, 2)))(x, scale, bias) for f in (ours, plain))
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
