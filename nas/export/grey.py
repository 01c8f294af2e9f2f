"""The first convolution of a network for grey pictures, as the Edge TPU is known to take it.

TensorFlow's converter writes a convolution of one input channel as DEPTHWISE_CONV_2D
with a depth multiplier. That computes the same as CONV_2D, but no model that the Edge
TPU compiler is known to have taken has a depth multiplier above 1, and all have CONV_2D.
"""

import struct

import numpy as np

from nas.export.flatbuffer import Table
from nas.export.model import Model, Operator, parse
from nas.export.quantization.places import is_own

_OPERATORS, _SHAPE, _QUANTIZATION, _AXIS = 3, 0, 4, 6  # fields of SubGraph, Tensor, QuantizationParameters
_CONV_OPTIONS = 1  # of the union BuiltinOptions


def plain_convolutions(data: bytes) -> bytes:
    """The same int8 .tflite file with depthwise convolutions of one channel as plain ones.

    Each becomes CONV_2D of the same version, where the file has that already: the new
    operator is appended, and the weights (1, h, w, filters) are turned in their place to
    (filters, h, w, 1).
    """
    model = parse(data, "export")
    changed = bytearray(data)
    for number, operator in enumerate(model.main.operators):
        code = _plain_code(model, operator)
        if code is not None and is_own(model.main, operator.inputs[1]):
            _turn_weights(changed, model, operator.inputs[1])
            _replace_operator(changed, model, number, code)
    return bytes(changed)


def _plain_code(model: Model, operator: Operator) -> int | None:
    """The file's entry for CONV_2D, if `operator` is a depthwise convolution of one channel."""
    graph = model.main
    if operator.op != "DEPTHWISE_CONV_2D" or graph.tensors[operator.inputs[0]].shape[-1:] != (1,):
        return None
    if operator.option(3, "i") <= 1 or graph.tensors[operator.inputs[1]].dtype != "int8":
        return None
    plain = (each.code for each in graph.operators if (each.op, each.version) == ("CONV_2D", operator.version))
    return next(plain, None)


def _turn_weights(data: bytearray, model: Model, number: int) -> None:
    weights = model.main.tensors[number]
    turned = np.ascontiguousarray(weights.values().transpose(3, 1, 2, 0))
    table = model.tensor_table(number)
    _write(data, _vector(model.buffer_table(number), 0), turned.tobytes())
    _write(data, _vector(table, _SHAPE), np.array(turned.shape, "<i4").tobytes())
    quantization = table.table(_QUANTIZATION)
    axis = None if quantization is None else quantization.find(_AXIS)
    if axis is not None:
        _write(data, axis, struct.pack("<i", 0))


def _replace_operator(data: bytearray, model: Model, number: int, code: int) -> None:
    """Appends the plain convolution and lets the list of operators point to it."""
    operator = model.main.operators[number]
    data.extend(bytes(-len(data) % 4))
    table = len(data) + 16
    data.extend(_operator(operator, code))
    entry = _vector(model.graph_table, _OPERATORS) + 4 * number
    _write(data, entry, struct.pack("<I", table - entry))


def _operator(operator: Operator, code: int) -> bytes:
    """The FlatBuffer of an operator: layout and table, input and output numbers, options.

    Each layout gives its own size, the table's, and where in the table each field is;
    each offset counts from where it stands.
    """
    inputs = struct.pack(f"<I{len(operator.inputs)}i", len(operator.inputs), *operator.inputs)
    outputs = struct.pack(f"<I{len(operator.outputs)}i", len(operator.outputs), *operator.outputs)
    first = 24  # bytes of the table, behind which the vectors stand
    layout = struct.pack("<7H2x", 14, first, 4, 8, 12, 20, 16)
    options_at = first + len(inputs) + len(outputs) + 16
    table = struct.pack(
        "<iIIIIB3x", len(layout), code, first - 8, first + len(inputs) - 12, options_at - 16, _CONV_OPTIONS
    )
    return layout + table + inputs + outputs + _options(operator)


def _options(operator: Operator) -> bytes:
    """Conv2DOptions with what DepthwiseConv2DOptions says, less the depth multiplier."""
    stride_x, stride_y = operator.option(1, "i"), operator.option(2, "i")
    dilation_x, dilation_y = operator.option(5, "i", 1), operator.option(6, "i", 1)
    layout = struct.pack("<8H", 16, 24, 20, 4, 8, 21, 12, 16)
    numbers = struct.pack("<iiiii", len(layout), stride_x, stride_y, dilation_x, dilation_y)
    return layout + numbers + struct.pack("<BB2x", operator.option(0, "b"), operator.option(4, "b"))


def _vector(table: Table, slot: int) -> int:
    """Position of the first element of a vector that the table has."""
    position = table.find(slot)
    if position is None:
        raise ValueError(f"field {slot} is absent from a table that was read with it")
    return position + table.source.number(position, "I") + 4


def _write(data: bytearray, position: int, content: bytes) -> None:
    data[position : position + len(content)] = content
