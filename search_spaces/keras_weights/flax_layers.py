"""The layers of our networks, found in their trace."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from nas.blocks.convolution import library_convolutions
from nas.blocks.layers import BATCH_NORM, BatchNorm, Conv
from nas.network import Network
from nas.ops import Shape
from search_spaces.keras_weights.graph import Node, Weighted, in_order


@dataclass(frozen=True, eq=False)
class FlaxLayer(Weighted):
    """A layer and the module that has its weights."""

    module: Conv | BatchNorm = field(kw_only=True)


def flax_layers(network: Network, in_shape: Shape) -> list[FlaxLayer]:
    """Convolutions and batch norms of `network` on pictures of `in_shape`, in the order of `in_order`.

    The network is traced, not run, and left in evaluation.
    """
    network.eval()  # type: ignore[no-untyped-call]
    modules = dict(nnx.iter_modules(network))
    definition, state = nnx.split(network)

    def run(state: Any, x: jax.Array) -> Any:
        return nnx.merge(definition, state)(x)

    with library_convolutions():
        jaxpr = jax.make_jaxpr(run)(state, jax.ShapeDtypeStruct((1, *in_shape), np.float32)).jaxpr
    paths = [path for path, _ in nnx.to_flat_state(state)]
    owners = {variable: path[:-1] for variable, path in zip(jaxpr.invars, paths, strict=False)}
    graph: dict[Hashable, Node[FlaxLayer]] = {}
    for equation in jaxpr.eqns:
        node = _node(equation, owners, modules)
        graph.update(dict.fromkeys(equation.outvars, node))
    return in_order(graph, jaxpr.outvars[0])


def _node(equation: Any, owners: dict[Any, Any], modules: dict[Any, Any]) -> Node[FlaxLayer]:
    inputs = tuple(v for v in equation.invars if not hasattr(v, "val"))
    if equation.primitive.name == "conv_general_dilated":
        kind = "convolution"
    elif equation.params.get("name") == BATCH_NORM:
        kind = "batch norm"
    else:
        return Node(inputs)
    weights, out_shape = inputs[1], equation.outvars[0].aval.shape[1:]
    name, module = ".".join(map(str, owners[weights])), modules[owners[weights]]
    has_bias = isinstance(module, Conv) and module.bias is not None
    return Node(inputs, (FlaxLayer(name, kind, weights.aval.shape, out_shape, has_bias, module=module),))
