"""SynFlow: how much flows through an untrained network along all its paths together.

Tanaka, Kunin, Yamins and Ganguli, "Pruning neural networks without any data by iteratively conserving
synaptic flow" (arXiv 2006.05467), equation 3; as a score of architectures, Abdelfattah et al.,
"Zero-Cost Proxies for Lightweight NAS" (arXiv 2101.08134), section 3: the sum over all kernels of
weight x gradient, where weights are made positive and the input is ones.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from nas.architecture import Architecture
from nas.blocks import Block
from nas.ops import Shape
from nas.train.program import program
from nas.zero_cost.activations import with_activations
from nas.zero_cost.fresh import fresh_blocks, function_of, kernels

GATES = ("sigmoid", "hard-sigmoid", "tanh")  # between 0 and 1 whatever comes; without them outputs would be squares


def synflow(architecture: Architecture, seed: int = 0) -> float:
    """The logarithm of the flow, in which deep networks' numbers stay finite; minus infinity where nothing flows.

    Every block's inputs and gradients are brought to a largest entry of 1, and what that divides by is
    remembered: without activations that clip, blocks pass factors on.
    """
    blocks = fresh_blocks(architecture, seed)
    x, scale = jnp.ones((1, *blocks[0].in_shape), jnp.float32), 0.0
    inputs = []
    for one in blocks:
        inputs.append((x, scale))
        x, factor = _forward(one.block, one.in_shape)(one.params, one.rest, x)
        scale += _log(factor)
    gradient, back = jnp.ones_like(x), 0.0
    flows = []
    for one, (x, ahead) in zip(reversed(blocks), reversed(inputs), strict=True):
        flow, gradient, factor = _backward(one.block, one.in_shape)(one.params, one.rest, x, gradient)
        flows.append(_log(flow) + ahead + back)
        back += _log(factor)
    return float(np.logaddexp.reduce(flows))


@lru_cache(maxsize=4096)
def _positive(block: Block, in_shape: Shape) -> Callable[..., Any]:
    """The block with positive kernels, and activations that let everything through, as they do what is positive."""

    def through(name: str, x: jax.Array, itself: Callable[[jax.Array], jax.Array]) -> jax.Array:
        return itself(x) if name in GATES else x

    function = with_activations(function_of(block, in_shape, training=False), through)

    def run(params: Any, rest: Any, x: jax.Array) -> Any:
        return function(jax.tree.map(jnp.abs, params), rest, x)

    return run


@lru_cache(maxsize=4096)
def _forward(block: Block, in_shape: Shape) -> Callable[..., Any]:
    """Outputs with a largest entry of 1, and what they were divided by."""
    return cast(
        Callable[..., Any], program(lambda params, rest, x: _scaled(_positive(block, in_shape)(params, rest, x)))
    )


@lru_cache(maxsize=4096)
def _backward(block: Block, in_shape: Shape) -> Callable[..., Any]:
    """The flow through the block's own kernels; the gradient for what comes before, and what it was divided by."""

    def run(params: Any, rest: Any, x: jax.Array, gradient: jax.Array) -> tuple[Any, Any, Any]:
        _, back = jax.vjp(lambda p, inputs: _positive(block, in_shape)(p, rest, inputs), params, x)
        own, before = back(gradient)
        flow = sum((jnp.sum(jnp.abs(w * g)) for w, g in zip(kernels(params), kernels(own), strict=True)), jnp.zeros(()))
        return flow, *_scaled(before)

    return cast(Callable[..., Any], program(run))


def _scaled(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    largest = jnp.max(jnp.abs(x))
    return x / jnp.where(largest > 0, largest, 1), largest


def _log(value: Any) -> float:
    return math.log(value) if value > 0 else -math.inf
