"""NASWOT: how differently an untrained network's activations divide the pictures of a batch.

Mellor, Turner, Storkey and Crowley, "Neural Architecture Search without Training" (arXiv 2006.04647),
section 3: each picture has a code of which units are above zero; the score is the logarithm of the
determinant of the codes' agreement.
"""

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
from nas.zero_cost.fresh import fresh_blocks, function_of

GATES = ("sigmoid", "hard-sigmoid", "tanh")  # weigh channels by each other, and divide no pictures


def naswot(architecture: Architecture, images: Any, seed: int = 0) -> float:
    """log |K| for pictures (B, H, W, C) float32 in -1..1; K counts the units that two pictures agree in.

    Minus infinity where two pictures are not told apart. Batch norms see the batch.
    """
    x, kernel = jnp.asarray(images), np.zeros((len(images), len(images)))
    for one in fresh_blocks(architecture, seed):
        x, agreeing = _program(one.block, one.in_shape)(one.params, one.rest, x)
        kernel += np.asarray(agreeing, np.float64)
    sign, logarithm = np.linalg.slogdet(kernel)
    return float(logarithm) if sign > 0 else -np.inf


@lru_cache(maxsize=4096)
def _program(block: Block, in_shape: Shape) -> Callable[..., Any]:
    """The block's outputs, and in how many of its units each two pictures agree, (B, B)."""
    function = function_of(block, in_shape, training=True)

    def run(params: Any, rest: Any, x: jax.Array) -> tuple[Any, Any]:
        found = [jnp.zeros((len(x), len(x)))]

        def tap(name: str, inputs: jax.Array, itself: Callable[[jax.Array], jax.Array]) -> jax.Array:
            if name not in GATES:
                signs = jnp.where(inputs.reshape(len(inputs), -1) > 0, 1.0, -1.0)
                found.append((signs @ signs.T + signs.shape[1]) / 2)
            return itself(inputs)

        return with_activations(function, tap)(params, rest, x), sum(found[1:], found[0])

    return cast(Callable[..., Any], program(run))
