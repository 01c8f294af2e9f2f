"""Gradient norm: how strongly a batch pulls at an untrained network's kernels.

Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (arXiv 2101.08134), section 3.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp

from nas.architecture import Architecture
from nas.blocks import Block
from nas.ops import Shape
from nas.train.program import program
from nas.zero_cost.fresh import fresh_blocks, function_of, kernels


def gradient_norm(architecture: Architecture, images: Any, labels: Any, seed: int = 0) -> float:
    """The sum over all kernels of the norm of the cross-entropy's gradient.

    For pictures (B, H, W, C) float32 in -1..1 of classes (B,) int. Batch norms see the batch.
    """
    blocks = fresh_blocks(architecture, seed)
    x, inputs = jnp.asarray(images), []
    for one in blocks:
        inputs.append(x)
        x = _forward(one.block, one.in_shape)(one.params, one.rest, x)
    gradient = _of_loss(x, jnp.asarray(labels))
    total = 0.0
    for one, x in zip(reversed(blocks), reversed(inputs), strict=True):
        norm, gradient = _backward(one.block, one.in_shape)(one.params, one.rest, x, gradient)
        total += float(norm)
    return total


@jax.jit
def _of_loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The gradient (B, classes) of the mean cross-entropy."""
    return (jax.nn.softmax(logits) - jax.nn.one_hot(labels, logits.shape[-1])) / len(logits)


@lru_cache(maxsize=4096)
def _forward(block: Block, in_shape: Shape) -> Callable[..., Any]:
    return cast(Callable[..., Any], program(function_of(block, in_shape, training=True)))


@lru_cache(maxsize=4096)
def _backward(block: Block, in_shape: Shape) -> Callable[..., Any]:
    """The sum of the norms of the kernels' gradients, and the gradient for what comes before."""
    function = function_of(block, in_shape, training=True)

    def run(params: Any, rest: Any, x: jax.Array, gradient: jax.Array) -> tuple[Any, Any]:
        _, back = jax.vjp(lambda p, inputs: function(p, rest, inputs), params, x)
        own, before = back(gradient)
        return sum((jnp.linalg.norm(g.ravel()) for g in kernels(own)), jnp.zeros(())), before

    return cast(Callable[..., Any], program(run))
