"""Biases that make up for the mean error of quantization (arXiv 1906.04721, section 4.2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.export.model import Graph, Model, Operator, parse
from nas.export.quantization.pairs import Pair, pairs
from nas.export.quantization.places import constant_place, is_own
from nas.export.quantization.recording import Recorder

Picture = NDArray[np.floating[Any]]

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
MOST = 64  # pictures, whose means are those of more
_INT32 = np.iinfo(np.int32)


def corrected(data: bytes, floats: bytes, pictures: Sequence[Picture]) -> bytes:
    """An int8 file whose layers have, one after the other, the means of the float file of the same network.

    Of each channel the mean of what the layer makes is compared on the pictures, behind
    its activation, and only where neither file cuts it off there. Layers before have been
    corrected already, so that each answers for the errors that are left.
    """
    exact, whole = parse(floats, "export").main, parse(data, "export")
    recorder = Recorder(floats, exact)
    for pair in pairs(exact, whole.main):
        bias = _bias(whole.main, pair.integers)
        if bias is not None:  # nothing but biases is changed, so that all else stays as it was parsed
            error = _mean_error(recorder, Recorder(data, whole.main), pair, pictures[:MOST])
            data = _with_bias(data, whole, pair.integers, bias, error)
    return data


def _with_bias(
    data: bytes, model: Model, operator: Operator, bias: NDArray[np.int32], error: NDArray[np.float64]
) -> bytes:
    """The file with what makes up for an error added to the bias of an operator."""
    steps = np.rint(error / _steps(model.main, operator))
    numbers = np.clip(bias.astype(np.int64) + steps.astype(np.int64), _INT32.min, _INT32.max).astype("<i4")
    place = constant_place(model, operator.inputs[2])
    return data if place is None else data[:place] + numbers.tobytes() + data[place + numbers.nbytes :]


def _bias(graph: Graph, operator: Operator) -> NDArray[np.int32] | None:
    """The bias of a layer, where it is int32 and no other tensor shares its bytes."""
    if operator.op not in WEIGHTED or len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return None
    tensor = graph.tensors[operator.inputs[2]]
    return tensor.values() if tensor.dtype == "int32" and is_own(graph, operator.inputs[2]) else None


def _steps(graph: Graph, operator: Operator) -> NDArray[np.float64]:
    """What 1 of the bias stands for, one number or one for each channel."""
    read, weights = (graph.tensors[operator.inputs[place]] for place in (0, 1))
    return np.asarray(read.scales[0] * np.asarray(weights.scales, np.float64))


def _mean_error(exact: Recorder, rounded: Recorder, pair: Pair, pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """By how much each channel of the layer is too small in the mean, (C,)."""
    theirs, mine = pair.floats.outputs[0], pair.integers.outputs[0]
    low, high = _between(rounded.graph, mine)
    total = count = np.zeros(exact.graph.tensors[theirs].shape[-1])
    for wanted, found in zip(exact.over(pictures, [theirs]), rounded.over(pictures, [mine]), strict=True):
        a, b = (values.reshape(-1, values.shape[-1]).astype(np.float64) for values in (wanted[theirs], found[mine]))
        inside = (b > low) & (b < high) & (a > low) & (a < high)
        total = total + ((a - b) * inside).sum(0)
        count = count + inside.sum(0)
    return total / np.maximum(count, 1)


def _between(graph: Graph, number: int) -> tuple[float, float]:
    """The least and the largest number that a tensor can hold: an activation that cuts off ends there."""
    tensor = graph.tensors[number]
    limits, scale, zero = np.iinfo(tensor.dtype), tensor.scales[0], tensor.zero_points[0]
    return scale * (int(limits.min) - zero), scale * (int(limits.max) - zero)
