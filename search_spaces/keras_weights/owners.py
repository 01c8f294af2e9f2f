"""A network's trace, and which module each array in it belongs to."""

from typing import Any

import jax
import numpy as np
from flax import nnx

from nas.blocks.convolution import library_convolutions
from nas.network import Network
from nas.ops import Shape

Owners = dict[Any, tuple[Any, Any]]
"""The path of a module and the module, by the trace's variable for one of its arrays."""


def traced(network: Network, in_shape: Shape) -> tuple[Any, Owners]:
    """The jaxpr of a network on a picture of `in_shape` (H, W, C), and the owners of its arrays.

    The network is traced, not run, and left in evaluation.
    """
    network.eval()  # type: ignore[no-untyped-call]
    modules = dict(nnx.iter_modules(network))
    definition, state = nnx.split(network)

    def run(state: Any, x: jax.Array) -> Any:
        return nnx.merge(definition, state)(x)

    with library_convolutions():
        jaxpr = jax.make_jaxpr(run)(state, jax.ShapeDtypeStruct((1, *in_shape), np.float32)).jaxpr
    paths = [path[:-1] for path, _ in nnx.to_flat_state(state)]
    return jaxpr, dict(zip(jaxpr.invars, ((path, modules.get(path)) for path in paths), strict=False))
