"""The layers of our networks as a converter writes them: each convolution with the norm behind it folded in."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from nas.blocks.activations import PREFIX
from nas.blocks.layers import BATCH_NORM, BatchNorm, Conv
from nas.network import Network
from nas.ops import Shape
from search_spaces.keras_weights.graph import Node, in_order
from search_spaces.keras_weights.owners import Owners, traced
from search_spaces.tflite_weights.layers import AFFINE, CONVOLUTION, UNKNOWN, Layer, Window


@dataclass(frozen=True, eq=False)
class OurLayer(Layer):
    """The modules that have the weights of a layer: a convolution, a batch norm, or both."""

    conv: Conv | None = field(default=None, kw_only=True)
    norm: BatchNorm | None = field(default=None, kw_only=True)


def our_layers(network: Network, in_shape: Shape) -> list[OurLayer]:
    """Convolutions and scales of `network` on pictures of `in_shape`, in the order of `in_order`.

    The network is traced, not run, and left in evaluation.
    """
    return _Reader(*traced(network, in_shape)).read()


class _Reader:
    """Goes through a trace's equations in order."""

    def __init__(self, jaxpr: Any, owners: Owners):
        self.jaxpr, self.owners = jaxpr, owners
        self.nodes: dict[Hashable, Node[OurLayer]] = {}
        self.weights: set[Any] = set(owners)  # variables that no picture has a part in
        self.readers = Counter(v for equation in jaxpr.eqns for v in _variables(equation))

    def read(self) -> list[OurLayer]:
        for equation in self.jaxpr.eqns:
            self._equation(equation)
        return in_order(self.nodes, self.jaxpr.outvars[0])

    def _equation(self, equation: Any) -> None:
        reads = tuple(v for v in _variables(equation) if v not in self.weights)
        if not reads:
            self.weights.update(equation.outvars)
            return
        name, before = str(equation.params.get("name", "")), self.nodes.get(reads[0])
        if equation.primitive.name == "conv_general_dilated":
            node = Node(reads, (self._convolution(equation),))
        elif name == BATCH_NORM:
            node = self._batch_norm(equation, reads[0], before)
        elif equation.primitive.name == "add" and len(reads) == 1 and before and self._takes_bias(before):
            node = _changed(before, activation=self._unless_shared(equation))  # the convolution's own bias
        elif name.startswith(PREFIX) and before and _is_open(before):
            node = _changed(before, activation=name.removeprefix(PREFIX))
        else:
            node = Node(reads)
        self.nodes.update(dict.fromkeys(equation.outvars, node))

    def _convolution(self, equation: Any) -> OurLayer:
        kernel, p = equation.invars[1], equation.params
        path, module = self.owners[kernel]
        rows, columns = map(tuple, p["padding"])
        window = Window(tuple(p["window_strides"]), (rows, columns), tuple(p["rhs_dilation"]))
        return OurLayer(
            ".".join(map(str, path)),
            CONVOLUTION,
            kernel.aval.shape,
            equation.outvars[0].aval.shape[1:],
            module.bias is not None,
            window=window,
            activation=self._unless_shared(equation),
            conv=module,
        )

    def _batch_norm(self, equation: Any, read: Any, before: Node[OurLayer] | None) -> Node[OurLayer]:
        path, module = self.owners[next(v for v in _variables(equation) if v in self.owners)]
        if before and _is_open(before) and before.layers[-1].norm is None:
            return _changed(before, norm=module, has_bias=True, activation=self._unless_shared(equation))
        shape, name = equation.outvars[0].aval.shape[1:], ".".join(map(str, path))
        activation = self._unless_shared(equation)
        return Node((read,), (OurLayer(name, AFFINE, shape[-1:], shape, True, activation=activation, norm=module),))

    def _unless_shared(self, equation: Any) -> str:
        """No activation so far; not known where several read the result, and each may begin with its own."""
        return "none" if self.readers[equation.outvars[0]] <= 1 else UNKNOWN

    def _takes_bias(self, before: Node[OurLayer]) -> bool:
        layer = before.layers[-1] if before.layers else None
        return layer is not None and layer.conv is not None and layer.conv.bias is not None and layer.norm is None


def _is_open(node: Node[OurLayer]) -> bool:
    """Whether it ends in a layer without an activation so far, which nothing else reads."""
    return bool(node.layers) and node.layers[-1].activation == "none"


def _changed(node: Node[OurLayer], **changes: Any) -> Node[OurLayer]:
    return Node(node.inputs, (*node.layers[:-1], replace(node.layers[-1], **changes)))


def _variables(equation: Any) -> tuple[Any, ...]:
    return tuple(v for v in equation.invars if not hasattr(v, "val"))
