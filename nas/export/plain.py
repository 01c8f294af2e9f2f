"""A network as a short list of plain operations: what formats beside TFLite are written from.

Pictures lie as ONNX and Core ML want them, (1, channels, height, width). Constants are
taken into what was made before, where it can take them: batch norm into convolutions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Value = int | Array  # the number of a tensor, or a constant


@dataclass(frozen=True)
class Node:
    """One operation. `output` numbers the tensor that it makes, of `shape`; 0 is the picture.

    op: conv (weights (O, I / groups, h, w) and perhaps biases (O,) follow the tensor;
    strides, padding, dilation, groups), average_pool and max_pool (window, strides,
    padding; the average counts what is padded), dense (weights (I, O)), add, sub, mul,
    div, max, min, concat (axis), slice (begin, end, strides), pad (padding, value), reshape,
    transpose (axes), or an activation by its name.
    """

    op: str
    inputs: tuple[Value, ...]
    output: int
    shape: tuple[int, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plain:
    """The operations in order: from a picture (1, C, H, W) in -1..1 to logits (1, classes), tensor `output`."""

    in_shape: tuple[int, ...]
    nodes: tuple[Node, ...]
    output: int


class Nodes:
    """Operations as they are collected. `shared` are tensors that more than one will read."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._made = 0
        self.shared: set[int] = set()

    def add(self, op: str, inputs: Sequence[Value], shape: tuple[int, ...], **facts: Any) -> int:
        """Adds an operation; the number of the tensor that it makes."""
        self._made += 1
        self._nodes[self._made] = Node(op, tuple(inputs), self._made, shape, facts)
        return self._made

    def add_constant(self, op: str, tensor: int, constant: Array, shape: tuple[int, ...]) -> int:
        """The tensor times or plus a constant ("mul" or "add"), `shape` being the result's."""
        node = self._nodes.get(tensor)
        if node is not None and tensor not in self.shared:
            if op == "mul" and node.op == "mul" and not isinstance(node.inputs[1], int):
                return self._scaled(node, node.inputs[1] * constant)
            if op in ("mul", "add") and node.op == "conv" and _per_channel(constant):
                return self._folded(op, node, constant.reshape(-1))
        if op == "mul" and np.all(constant == 1):
            return tensor
        return self.add(op, [tensor, constant], shape)

    def _scaled(self, node: Node, constant: Array) -> int:
        if np.allclose(constant, 1, rtol=1e-6, atol=0) and isinstance(node.inputs[0], int):
            del self._nodes[node.output]
            return node.inputs[0]
        self._nodes[node.output] = replace(node, inputs=(node.inputs[0], constant))
        return node.output

    def _folded(self, op: str, node: Node, constant: Array) -> int:
        """A factor or a bias for each channel, in the convolution's own numbers."""
        tensor, kernel, *biases = node.inputs
        values = np.broadcast_to(constant, node.shape[1]).astype(np.float32)
        if op == "mul":
            kernel = np.asarray(kernel) * values.reshape(-1, 1, 1, 1)
            biases = [np.asarray(bias) * values for bias in biases]
        else:
            biases = [np.asarray(biases[0]) + values if biases else values]
        self._nodes[node.output] = replace(node, inputs=(tensor, kernel, *biases))
        return node.output

    def leading_to(self, result: int) -> tuple[Node, ...]:
        """The operations that tensor `result` is made by, in order."""
        needed = {result}
        for number in sorted(self._nodes, reverse=True):
            if number in needed:
                needed.update(value for value in self._nodes[number].inputs if isinstance(value, int))
        return tuple(node for number, node in self._nodes.items() if number in needed)


def _per_channel(constant: Array) -> bool:
    """Whether it is one number, or one for each channel of (1, C, H, W)."""
    return constant.size == 1 or (constant.ndim == 4 and constant.size == constant.shape[1])
