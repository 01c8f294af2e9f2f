"""Activations that are nothing, or as good as nothing, on every picture shown: how fine their steps may be.

A unit whose relu is shut on all pictures leaves a range of zero, of which TensorFlow makes steps of some billionths.
XNNPACK, by which LiteRT computes, then refuses the whole file; and the biases of what reads the activation, counted
in products of steps, no longer fit into 32 bits.
"""

from collections.abc import Iterator

import numpy as np

from nas.export.model import Operator, parse
from nas.export.quantization.grid import ranges, tables_with_ranges, write_range
from nas.export.quantization.ranges import STEPS

REFUSED = 256  # steps of its output in what an operator counts in, from which on XNNPACK refuses it
WIDENED = 64  # steps from which on a range is widened: far enough from that, as some steps are not known yet
_PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL")
_SUMS = ("ADD", "SUB")
_LOWEST, _HIGHEST = -128, 127


def is_runnable(data: bytes) -> bool:
    """Whether no step of an int8 or uint8 file is too fine for what its operator counts in."""
    graph = parse(data, "export").main
    steps = {number: max(tensor.scales) for number, tensor in enumerate(graph.tensors) if tensor.scales}
    return not any(True for operator in graph.operators for _ in _too_fine(operator, steps, REFUSED))


def widened(data: bytes) -> bytes:
    """A float file that holds ranges, with wider ones where their steps would be too fine: as what is counted in.

    Nothing that the pictures show is lost by that, and what they do not show has some room.
    """
    graph, tables = parse(data, "export").main, tables_with_ranges(data)
    steps = {number: (high - low) / STEPS for number, (low, high) in zip(tables, ranges(data), strict=True)}
    for number, tensor in enumerate(graph.tensors):
        if len(tensor.data) and tensor.dtype == "float32":
            steps[number] = float(np.abs(tensor.values()).max(initial=0)) / _HIGHEST
    changed = bytearray(data)
    for operator in graph.operators:
        for number, unit in _too_fine(operator, steps, WIDENED):
            steps[number] = unit
            write_range(changed, tables[number], _LOWEST * unit, _HIGHEST * unit)
    return bytes(changed)


def _too_fine(operator: Operator, steps: dict[int, float], most: int) -> Iterator[tuple[int, float]]:
    """The outputs of an operator of whose steps `most` or more are in what it counts in, and what that is."""
    read = [steps[number] for number in operator.inputs[:2] if steps.get(number)]
    if not read or operator.op not in (*_PRODUCTS, *_SUMS):
        return
    unit = float(np.prod(read)) if operator.op in _PRODUCTS else max(read)
    for number in operator.outputs:
        if number in steps and steps[number] * most <= unit:
            yield number, unit
