"""The layers of our networks, found in their trace."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from nas.blocks.layers import BATCH_NORM, BatchNorm, Conv
from nas.network import Network
from nas.ops import Shape
from search_spaces.keras_weights.graph import Node, Weighted, in_order
from search_spaces.keras_weights.owners import Owners, traced


@dataclass(frozen=True, eq=False)
class FlaxLayer(Weighted):
    """A layer and the module that has its weights."""

    module: Conv | BatchNorm = field(kw_only=True)


def flax_layers(network: Network, in_shape: Shape) -> list[FlaxLayer]:
    """Convolutions and batch norms of `network` on pictures of `in_shape`, in the order of `in_order`.

    The network is traced, not run, and left in evaluation.
    """
    jaxpr, owners = traced(network, in_shape)
    graph: dict[Hashable, Node[FlaxLayer]] = {}
    for equation in jaxpr.eqns:
        node = _node(equation, owners)
        graph.update(dict.fromkeys(equation.outvars, node))
    return in_order(graph, jaxpr.outvars[0])


def _node(equation: Any, owners: Owners) -> Node[FlaxLayer]:
    inputs = tuple(v for v in equation.invars if not hasattr(v, "val"))
    if equation.primitive.name == "conv_general_dilated":
        kind = "convolution"
    elif equation.params.get("name") == BATCH_NORM:
        kind = "batch norm"
    else:
        return Node(inputs)
    weights, out_shape = inputs[1], equation.outvars[0].aval.shape[1:]
    path, module = owners[weights]
    has_bias = isinstance(module, Conv) and module.bias is not None
    return Node(
        inputs, (FlaxLayer(".".join(map(str, path)), kind, weights.aval.shape, out_shape, has_bias, module=module),)
    )
