"""The layers of a TFLite file, found in its graph of tensors."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from nas.blocks.convolution import same_padding
from nas.blocks.xla_convolution import Padding
from nas.errors import InputError
from nas.export.constants import Array, Constants
from nas.export.front import AFFINES, front, line
from nas.export.model import Graph, Operator
from search_spaces.keras_weights.graph import Node, in_order
from search_spaces.tflite_weights.groups import Groups
from search_spaces.tflite_weights.layers import AFFINE, CONVOLUTION, UNKNOWN, FileLayer, Window
from search_spaces.tflite_weights.soundness import require_sound

_ACTIVATIONS = {0: "none", 1: "relu", 3: "relu6"}
_ALONE = {"RELU": "relu", "RELU6": "relu6"}
_FUSED = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0, **dict.fromkeys(AFFINES, 0)}  # field of options
_DILATION = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5}  # field of options
_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}  # axis of the weights
_VALID = 1
_NONE: Padding = ((0, 0), (0, 0))


@dataclass(frozen=True)
class FileLayers:
    """The layers in the order of `in_order`, and what is done to each colour before the first: scale and offset."""

    layers: list[FileLayer]
    scale: Array
    offset: Array


def file_layers(graph: Graph, where: str) -> FileLayers:
    """Convolutions, dense layers and scales of channels of a file's graph.

    Raises `InputError`, beginning with `where`, for weights in any other operator, and for
    a graph that cannot be followed.
    """
    require_sound(graph, where)
    return _Reader(graph, where).read()


class _Reader:
    """Goes through the operators in the order in which they run."""

    def __init__(self, graph: Graph, where: str):
        self.graph, self.where, self.constants = graph, where, Constants(graph, where)
        self.nodes: dict[Hashable, Node[FileLayer]] = {}
        self.pads: dict[int, Padding] = {}
        self.readers = Counter(number for operator in graph.operators for number in operator.inputs)
        self.front = front(graph, where)
        made_by: dict[Hashable, Operator] = {
            number: operator for operator in graph.operators for number in operator.outputs
        }
        self.groups = Groups(graph, self.constants, self.nodes, made_by)

    def read(self) -> FileLayers:
        for operator in self.graph.operators:
            if operator.outputs:
                self._operator(operator)
        layers = in_order(self.nodes, self.graph.outputs[0])
        return FileLayers(layers, self.front.scale, self.front.offset)

    def _operator(self, operator: Operator) -> None:
        out = operator.outputs[0]
        reads = tuple(number for number in operator.inputs if number >= 0 and self.constants.tensor(number) is None)
        if self.constants.tensor(out) is not None:
            return  # a constant that is converted
        if operator.op in _CHANNELS and len(reads) == 1:
            self._convolution(operator, reads[0], out)
        elif operator.op in AFFINES and len(reads) == 1:
            self._affine(operator, reads[0], out)
        else:
            self._require_no_weights(operator)
            self._pass(operator, reads, out)

    def _pass(self, operator: Operator, reads: tuple[int, ...], out: int) -> None:
        """An operator without weights."""
        joined = self.groups.joined(operator)
        self.nodes[out] = Node(reads if joined is None else (joined,))
        for more in operator.outputs[1:]:
            self.nodes[more] = Node(reads)
        pads = self.constants.whole(operator.inputs[1]) if operator.op == "PAD" else None
        if pads is not None and pads.shape == (4, 2) and not pads[[0, 3]].any():
            (top, bottom), (left, right) = pads[1:3].tolist()
            self.pads[out] = ((top, bottom), (left, right))
        if operator.op in _ALONE and len(reads) == 1:
            self._close(reads[0], _ALONE[operator.op])

    def _require_no_weights(self, operator: Operator) -> None:
        for number in operator.inputs:
            tensor = self.constants.tensor(number) if number >= 0 else None
            if tensor is not None and np.prod(tensor.shape) > 1 and (tensor.scales or tensor.dtype.startswith("float")):
                known = ", ".join((*_CHANNELS, *AFFINES))
                raise InputError(
                    f"{self.where}: there are weights '{tensor.name}' in {operator.op}; expected only in {known}"
                )

    def _convolution(self, operator: Operator, read: int, out: int) -> None:
        weights = self.constants.real(operator.inputs[1], _CHANNELS[operator.op])
        if weights is None:
            raise InputError(f"{self.where}: {operator.op} has weights that it computes; expected constants")
        kernel = _kernel(operator.op, weights)
        bias = self.constants.real(operator.inputs[2]) if len(operator.inputs) > 2 else None
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0 and bias is not None:
            bias = self._bias(operator, read, bias)
        layer = FileLayer(
            self._name(out),
            CONVOLUTION,
            kernel.shape,
            _out_shape(self.graph.tensors[out].shape),
            bias is not None and bool(bias.any()),
            window=self._window(operator, read, kernel),
            activation=self._activation(operator),
            kernel=kernel,
            bias=np.zeros(kernel.shape[-1], np.float32) if bias is None else bias.reshape(-1),
            open=self._is_open(operator),
        )
        self.nodes[out] = Node((read,), (layer,))

    def _bias(self, operator: Operator, read: int, bias: Array) -> Array:
        """A bias of integers without a scale has that of the input times those of the weights."""
        tensor, weights = self.constants.tensor(operator.inputs[2]), self.constants.tensor(operator.inputs[1])
        if tensor is None or weights is None or tensor.scales or not tensor.dtype.startswith("int"):
            return bias
        scales = np.asarray(self.graph.tensors[read].scales or (1,))[0] * np.asarray(weights.scales or (1,))
        return np.asarray(bias * scales, np.float32)

    def _window(self, operator: Operator, read: int, kernel: Array) -> Window:
        if operator.op == "FULLY_CONNECTED":
            return Window()
        stride = operator.option(2, "i", 1), operator.option(1, "i", 1)
        slot = _DILATION[operator.op]
        dilation = operator.option(slot + 1, "i", 1), operator.option(slot, "i", 1)
        padding = _NONE
        if operator.option(0, "b") != _VALID:
            size, (rows, columns) = self.graph.tensors[read].shape[1:3], kernel.shape[:2]
            padding = (
                same_padding(size[:1] * 2, (rows, rows), stride[0], dilation[0])[0],
                same_padding(size[1:] * 2, (columns, columns), stride[1], dilation[1])[1],
            )
        before = self.pads.get(read, _NONE)
        (top, bottom), (left, right) = ((a + c, b + d) for (a, b), (c, d) in zip(before, padding, strict=True))
        return Window(stride, ((top, bottom), (left, right)), dilation)

    def _affine(self, operator: Operator, read: int, out: int) -> None:
        """A product or sum with constants: part of the layer before it, of the input's preparation, or a layer."""
        channels = (self.graph.tensors[out].shape or (1,))[-1]
        found = line(operator, read, self.constants)
        if found is None or found[0].size not in (1, channels):
            raise InputError(
                f"{self.where}: {operator.op} '{self._name(out)}' has other constants than one for each of {channels} "
                "channels; expected such as a batch norm has"
            )
        scale, offset = found
        before = self.nodes.get(read)
        layer = before.layers[-1] if before and before.layers else None
        if out in self.front.tensors:
            self.nodes[out] = Node((read,))
        elif scale.size == 1 and channels != 1:
            self.nodes[out] = Node((read,))  # a part of a function such as hard-sigmoid
        elif before and layer is not None and layer.open:
            self.nodes[out] = Node(before.inputs, (*before.layers[:-1], self._grown(operator, layer, scale, offset)))
        else:
            self.nodes[out] = Node((read,), (self._scale(operator, scale, offset, out),))

    def _grown(self, operator: Operator, layer: FileLayer, scale: Array, offset: Array) -> FileLayer:
        """The layer before with the operator's scale and offset folded in."""
        return replace(
            layer,
            kernel=layer.kernel * scale,
            bias=layer.bias * scale + offset,
            has_bias=True,
            activation=self._activation(operator),
            open=self._is_open(operator),
        )

    def _scale(self, operator: Operator, scale: Array, offset: Array, out: int) -> FileLayer:
        channels = self.graph.tensors[out].shape[-1]
        return FileLayer(
            self._name(out),
            AFFINE,
            (channels,),
            _out_shape(self.graph.tensors[out].shape),
            activation=self._activation(operator),
            kernel=np.broadcast_to(scale, (channels,)),
            bias=np.broadcast_to(offset, (channels,)),
            open=self._is_open(operator),
        )

    def _name(self, number: int) -> str:
        """The first of the names that a converter has joined."""
        return self.graph.tensors[number].name.split(";")[0] or f"tensor {number}"

    def _is_open(self, operator: Operator) -> bool:
        return operator.option(_FUSED[operator.op], "b") == 0 and self.readers[operator.outputs[0]] == 1

    def _activation(self, operator: Operator) -> str:
        """The one fused into an operator; of integers, whose range may be what cuts, "none" is not known to be so."""
        found = _ACTIVATIONS.get(operator.option(_FUSED[operator.op], "b"), UNKNOWN)
        quantized = bool(self.graph.tensors[operator.outputs[0]].scales)
        return UNKNOWN if found == "none" and quantized else found

    def _close(self, number: int, activation: str) -> None:
        """Notes the activation that stands after a layer as an operator of its own."""
        node = self.nodes.get(number)
        if node is None or not node.layers or not node.layers[-1].open:
            return
        last = replace(node.layers[-1], activation=activation, open=False)
        self.nodes[number] = Node(node.inputs, (*node.layers[:-1], last))


def _kernel(op: str, weights: Array) -> Array:
    """Weights as the file has them as (height, width, input channels of a group, output channels)."""
    if op == "CONV_2D":
        return weights.transpose(1, 2, 3, 0)
    if op == "DEPTHWISE_CONV_2D":
        return weights.transpose(1, 2, 0, 3)
    return weights.reshape(weights.shape[0], -1).T[None, None]


def _out_shape(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """(height, width, channels) of a tensor; (1, 1, channels) of what a dense layer makes."""
    return (1, 1, *shape[1:])[-3:]
