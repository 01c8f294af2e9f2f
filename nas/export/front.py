"""What a TFLite file does to the colours of a picture before anything else, and the range of input that tells."""

import math
from typing import NamedTuple

import numpy as np

from nas.errors import InputError
from nas.export.constants import Array, Constants
from nas.export.model import Graph, Operator

AFFINES = ("ADD", "DIV", "MUL", "SUB")
RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
_UNCHANGED = ("CAST", "DEQUANTIZE", "QUANTIZE")
_USUAL = 3.0  # the width of what networks read, whose colours have a deviation of about 1


class Front(NamedTuple):
    """The tensors from the input to where colours are x * scale + offset, each (C,)."""

    tensors: tuple[int, ...]
    scale: Array
    offset: Array


def front(graph: Graph, where: str) -> Front:
    """Follows the input through products and sums with constants."""
    constants = Constants(graph, where)
    tensors = [graph.inputs[0]]
    colours = (graph.tensors[tensors[0]].shape or (1,))[-1]
    scale, offset = np.ones(colours, np.float32), np.zeros(colours, np.float32)
    while (operator := _only_reader(graph, tensors[-1])) is not None:
        read = tensors[-1]
        if operator.op in AFFINES:
            found = line(operator, read, constants)
            if found is None or found[0].size not in (1, colours):
                break
            scale, offset = scale * found[0], offset * found[0] + found[1]
        elif operator.op not in _UNCHANGED:
            break
        tensors.append(operator.outputs[0])
    return Front(tuple(tensors), scale, offset)


def line(operator: Operator, read: int, constants: Constants) -> tuple[Array, Array] | None:
    """Scale and offset that a product or sum of the tensor `read` with a constant is, both of the constant's size."""
    second = operator.inputs[0] != read
    constant = constants.real(operator.inputs[0 if second else 1])
    if constant is None or (second and operator.op in ("DIV", "SUB")):
        return None
    numbers = constant.reshape(-1)
    one, none = np.ones_like(numbers), np.zeros_like(numbers)
    if operator.op in ("ADD", "SUB"):
        return one, numbers if operator.op == "ADD" else -numbers
    return numbers if operator.op == "MUL" else np.asarray(1 / numbers, np.float32), none


def usual_range(graph: Graph, where: str) -> tuple[float, float]:
    """The range of floats, for dark and bright, that a file is likely to take.

    A file does not say it. One that prepares its input itself is taken to be given what
    it makes numbers about 0 of, which tells 0..255 from 0..1; any other -1..1.
    """
    try:
        found = front(graph, where)
    except InputError:
        return RANGES[0]
    if len(found.tensors) == 1:
        return RANGES[0]
    return min(RANGES, key=lambda ends: _unlikely(found, *ends))


def _unlikely(found: Front, low: float, high: float) -> float:
    """How far off a usual width and from being around 0 the colours would be."""
    ends = np.array([found.scale * low + found.offset, found.scale * high + found.offset], np.float64).mean(1)
    width = abs(float(ends[1] - ends[0])) or 1e-30
    return abs(math.log(width / _USUAL)) + 4 * abs(float(ends.mean())) / width


def _only_reader(graph: Graph, number: int) -> Operator | None:
    readers = [operator for operator in graph.operators if number in operator.inputs]
    return readers[0] if len(readers) == 1 and len(readers[0].outputs) == 1 else None
