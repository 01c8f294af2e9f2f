"""Scores of untrained networks, against what they are defined as."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.zero_cost import NAMES
from nas.architecture import Architecture
from nas.zero_cost import SCORES, scores, synflow
from nas.zero_cost.activations import with_activations
from nas.zero_cost.fresh import fresh_blocks, function_of, kernels

TEXT = """
input 6x6x2
stem  conv k3 s2 c{width} act=relu6
stage mbconv k3 s1 e1 c{width} se0.5 act=swish
head  pool
head  dropout rate=0.5
head  dense c3
"""
NARROW, WIDE = (Architecture.parse(TEXT.format(width=width)) for width in (4, 8))


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    return generator.uniform(-1, 1, (8, 6, 6, 2)).astype(np.float32), generator.integers(3, size=8)


@pytest.fixture(scope="module")
def found(batch):
    return {architecture: scores(architecture, *batch) for architecture in (NARROW, WIDE)}


def test_all_names(found):
    assert tuple(found[NARROW]) == tuple(SCORES) == NAMES
    assert all(np.isfinite(list(values.values())).all() for values in found.values())


def test_larger_networks_have_more(found):
    for name in ("params", "macs", "naswot", "synflow"):
        assert found[WIDE][name] > found[NARROW][name]


def test_same_seed_same_scores(found, batch):
    assert scores(NARROW, *batch) == found[NARROW]
    assert scores(NARROW, *batch, seed=1, names=["synflow"])["synflow"] != found[NARROW]["synflow"]


def forward(arrays, blocks, x, **how):
    for (params, rest), one in zip(arrays, blocks, strict=True):
        x = function_of(one.block, one.in_shape, **how)(params, rest, x)
    return x


def test_gradient_norm_is_that_of_the_whole_network(found, batch):
    images, labels = batch
    blocks = fresh_blocks(NARROW, 0)

    def loss(params):
        logits = forward([(p, one.rest) for p, one in zip(params, blocks, strict=True)], blocks, images, training=True)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(8), labels])

    gradients = jax.jit(jax.grad(loss))([one.params for one in blocks])
    expected = sum(float(jnp.linalg.norm(g)) for own in gradients for g in map(jnp.ravel, kernels(own)))
    assert found[NARROW]["gradient_norm"] == pytest.approx(expected, rel=1e-4)


def test_synflow_is_weight_times_gradient():
    """Without gates and padding the flow of a chain is, for each layer, that of its outputs."""
    chain = Architecture.parse("input 4x4x2\nstem conv k1 s1 c3 act=relu6\nhead pool\nhead dense c2")
    first, last = (np.abs(kernels(fresh_blocks(chain, 0)[i].params)[0]) for i in (0, 2))
    normed = 1 / np.sqrt(1 + 1e-3)
    flow = float((np.ones(2) @ first[0, 0] * normed @ last).sum())
    assert synflow(chain) == pytest.approx(np.log(2 * flow), rel=1e-4)


def test_pictures_that_are_alike_are_not_told_apart(batch):
    images, labels = batch
    same = np.repeat(images[:1], 4, axis=0)
    assert scores(NARROW, same, labels[:4], names=["naswot"]) == {"naswot": -np.inf}


def test_activations_are_found_within_calls():
    from nas.blocks.activations import ACTIVATIONS

    class Block(nnx.Module):
        def __call__(self, x):
            return jax.jit(lambda y: ACTIVATIONS["relu"](y) + ACTIVATIONS["sigmoid"](y))(x - 1)

    seen = []

    def replace(name, x, itself):
        seen.append(name)
        return x if name == "relu" else itself(x)

    x = jnp.array([0.0, 2.0])
    assert jnp.allclose(with_activations(Block(), replace)(x), (x - 1) + jax.nn.sigmoid(x - 1))
    assert seen == ["relu", "sigmoid"]
