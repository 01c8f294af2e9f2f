"""The numbers of a rounded network's convolutions, put into its int8 file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.model import Graph, Model, parse
from nas.export.quantization.places import constant_place, is_own
from nas.rounding.network import Numbers

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_NEAR = 1  # step by which a weight may be off that was a half between two


def with_numbers(data: bytes, numbers: Sequence[Numbers]) -> bytes:
    """An int8 file of a network with the numbers that the network was trained to have.

    The converter computes them anew; where one is half-way between two steps, float32
    decides, and a step of one weight is enough to change many outputs.

    Raises `InputError` where the file's are not of the same network.
    """
    model = parse(data, "export")
    convolutions = [operator for operator in model.main.operators if operator.op in CONVOLUTIONS]
    if len(convolutions) != len(numbers):
        raise InputError(f"quantization: found {len(convolutions)} convolutions; expected {len(numbers)}")
    changed = bytearray(data)
    for operator, mine in zip(convolutions, numbers, strict=True):
        axes = (3, 0, 1, 2) if operator.op == "CONV_2D" else (2, 0, 1, 3)
        _put(changed, model, operator.inputs[1], mine.weights.transpose(axes), _NEAR)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            _put(changed, model, operator.inputs[2], mine.biases, None)
    return bytes(changed)


def _put(data: bytearray, model: Model, number: int, values: NDArray[Any], near: int | None) -> None:
    """Writes a constant's numbers in the place of those that differ from them by at most `near`."""
    theirs = _constant(model.main, number)
    if theirs.shape != values.shape or (near and np.abs(theirs.astype(int) - values).max() > near):
        raise InputError(
            f"quantization: '{model.main.tensors[number].name}' has other numbers than the rounded network; "
            "expected the weights that the grid was trained with"
        )
    place = constant_place(model, number)
    if place is not None and is_own(model.main, number):
        content = np.ascontiguousarray(values, theirs.dtype.newbyteorder("<")).tobytes()
        data[place : place + len(content)] = content


def _constant(graph: Graph, number: int) -> NDArray[Any]:
    return graph.tensors[number].values()
