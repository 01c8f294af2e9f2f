"""Channels made as large as each other across two layers (arXiv 1906.04721, section 4.1).

Where a layer's channel is divided by a number and the layer that alone reads it takes
that channel times the number, the network computes the same, as long as the activation
between them is none or relu. relu6 cuts at 6 whatever the scale, and swish is curved:
layers with these between them stay as they are.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.export.model import Graph, Model, Operator, parse
from nas.export.quantization.places import constant_place, is_own

_FUSED = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 4}  # field of options
_HOMOGENEOUS = (0, 1)  # none and relu
_PASSES = 3  # over all pairs: a layer may be the second of one and the first of the next
_FURTHEST = 1e3  # a channel is not scaled by more


class Link(NamedTuple):
    """Two layers of which the second alone reads the first."""

    first: Operator
    second: Operator


def equalized(data: bytes) -> bytes:
    """A float file that computes the same with the channels of linked layers alike in size."""
    model = parse(data, "export")
    weights = {number: values.copy() for number, values in _weights(model).items()}
    for _ in range(_PASSES):
        for link in links(model.main):
            _equalize(link, weights)
    changed = bytearray(data)
    for number, values in weights.items():
        place = constant_place(model, number)
        if place is not None:
            changed[place : place + values.nbytes] = values.astype("<f4").tobytes()
    return bytes(changed)


def links(graph: Graph) -> list[Link]:
    """The pairs of layers that can be equalized, in order."""
    readers = Counter(number for operator in graph.operators for number in operator.inputs)
    makers = {operator.outputs[0]: operator for operator in graph.operators if operator.outputs}
    found = []
    for second in graph.operators:
        first = makers.get(second.inputs[0]) if second.op in _FUSED else None
        if first is None or first.op not in _FUSED or readers[first.outputs[0]] != 1:
            continue
        between = first.option(_FUSED[first.op], "b")
        if between in _HOMOGENEOUS and first.outputs[0] not in graph.outputs and _plain(graph, first, second):
            found.append(Link(first, second))
    return found


def _plain(graph: Graph, first: Operator, second: Operator) -> bool:
    """Whether both have float weights and biases of their own, and the second reads every channel as one."""
    mine = [*first.inputs[1:3], second.inputs[1]]
    if len(mine) < 3 or not all(number >= 0 and is_own(graph, number) for number in mine):
        return False
    floats = all(graph.tensors[number].dtype == "float32" for number in mine)
    channels = graph.tensors[first.outputs[0]].shape[-1]
    return floats and graph.tensors[second.inputs[1]].shape[-1] == channels


def _weights(model: Model) -> dict[int, NDArray[np.float32]]:
    """The weights and biases of linked layers by their tensor's number."""
    numbers = {n for link in links(model.main) for n in (*link.first.inputs[1:3], link.second.inputs[1])}
    return {number: model.main.tensors[number].values() for number in sorted(numbers)}


def _equalize(link: Link, weights: dict[int, NDArray[np.float32]]) -> None:
    """Divides and multiplies each channel so that both layers' largest weights of it are their geometric mean."""
    (kernel, bias), following = link.first.inputs[1:3], link.second.inputs[1]
    before = _largest(weights[kernel], 0 if link.first.op == "CONV_2D" else 3)
    after = _largest(weights[following], 3)
    both = (before > 0) & (after > 0)
    scale = np.sqrt(np.divide(before, after, where=both, out=np.ones_like(before)))
    scale = np.clip(np.where(both, scale, 1), 1 / _FURTHEST, _FURTHEST).astype(np.float32)
    across = (-1, 1, 1, 1) if link.first.op == "CONV_2D" else (1, 1, 1, -1)
    weights[kernel] = np.asarray(weights[kernel] / scale.reshape(across), np.float32)
    weights[bias] = np.asarray(weights[bias] / scale, np.float32)
    weights[following] = (
        weights[following] * scale
    )  # its last axis: input channels of a convolution, or a depthwise one's


def _largest(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    others = tuple(other for other in range(values.ndim) if other != axis)
    return np.asarray(np.abs(values).max(others), np.float32)
