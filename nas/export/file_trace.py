"""The operators of a TFLite file as a trace, so that what estimates a network estimates any file."""

import math
from collections.abc import Callable
from typing import Any

from nas.export.edgetpu import OpVerdict, each_verdict
from nas.export.model import Graph, Model, Operator
from nas.ops import BlockTrace, LayerTrace, Op, Shape, Trace

_KINDS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise_conv",
    "FULLY_CONNECTED": "dense",
    "AVERAGE_POOL_2D": "average_pool",
    "MAX_POOL_2D": "max_pool",
    "MUL": "mul",
    "CONCATENATION": "concat",
    "PAD": "pad",
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE"), "reshape"),
}
_ACTIVATIONS = {"RELU": "relu", "RELU6": "relu6", "LOGISTIC": "sigmoid", "TANH": "tanh"}
_UNMAPPED = "unmapped"
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")  # whose second input is the weights


def trace_file(model: Model) -> Trace | None:
    """What the Edge TPU is predicted to run, then what is left to the host; None where nothing is mapped.

    All of it is one block. What the host does before the Edge TPU begins is left out, as
    changing floats to integers is.
    """
    graph = model.main
    verdicts = each_verdict(model)
    mapped = [number for number, verdict in enumerate(verdicts) if verdict.mapped]
    if not mapped or len(graph.inputs) != 1 or not graph.outputs:
        return None
    left = [number for number in range(mapped[0], len(verdicts)) if not verdicts[number].mapped]
    reader = _Reader(graph)
    for number in (*mapped, *left):
        reader.add(graph.operators[number], verdicts[number])
    block = BlockTrace(tuple(reader.ops), reader.in_shape, _shape(graph, graph.outputs[0]), 0, 0)
    return Trace((LayerTrace("file", "file", block),))


class _Reader:
    """Tensors are numbered by the op that makes them; 0 is the input, and what is not made here."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.in_shape = _shape(graph, graph.inputs[0])
        self.ops: list[Op] = []
        self.made: dict[int, int] = {}

    def add(self, operator: Operator, verdict: OpVerdict) -> None:
        tensors = [number for number in operator.inputs if number >= 0 and not self.graph.tensors[number].constant]
        if not tensors or not operator.outputs:
            return
        number = len(self.ops) + 1
        shapes = [_shape(self.graph, tensor) for tensor in tensors]
        weighted = len(operator.inputs) > 1 and min(operator.inputs[:2]) >= 0
        known = weighted or operator.op not in _WEIGHTED
        facts = _FACTS.get(operator.op, _nothing)(self.graph, operator) if known else {}
        kind = _kind(operator.op) if verdict.mapped else _UNMAPPED
        self.ops.append(
            Op(
                kind,
                max(shapes, key=math.prod),
                _shape(self.graph, operator.outputs[0]),
                tuple(self.made.get(tensor, 0) for tensor in tensors),
                number,
                activation=_ACTIVATIONS.get(operator.op, "") if verdict.mapped else "",
                **facts,
            )
        )
        self.made.update(dict.fromkeys(operator.outputs, number))


def _kind(op: str) -> str:
    """What else is mapped goes through its elements as a sum does."""
    return "activation" if op in _ACTIVATIONS else _KINDS.get(op, "add")


def _sizes(graph: Graph, tensor: int) -> Shape:
    """Whole numbers of at least 1, also where the file leaves them open."""
    return tuple(max(1, abs(size)) for size in graph.tensors[tensor].shape)


def _shape(graph: Graph, tensor: int) -> Shape:
    """Without the batch; at most three dimensions."""
    sizes = _sizes(graph, tensor)[1:] or (1,)
    return sizes if len(sizes) <= 3 else (*sizes[-3:-1], math.prod(sizes[:-3]) * sizes[-1])


def _windowed(graph: Graph, operator: Operator, depthwise: bool) -> dict[str, Any]:
    """Weights are (O, h, w, I) of a convolution and (1, h, w, C) of a depthwise one."""
    weights = (*_sizes(graph, operator.inputs[1]), 1, 1, 1, 1)[:4]
    out = _shape(graph, operator.outputs[0])
    channels = _shape(graph, operator.inputs[0])[-1]
    groups = channels if depthwise else max(1, channels // max(1, weights[3]))
    depth = 1 if depthwise else weights[3]
    return {
        "kernel": (weights[1], weights[2]),
        "stride": max(1, operator.option(2, "i", 1)),
        "groups": groups,
        "macs": math.prod(out) * weights[1] * weights[2] * depth,
        "weights": math.prod(weights),
        "biases": out[-1],
    }


def _dense(graph: Graph, operator: Operator) -> dict[str, Any]:
    weights = math.prod(_sizes(graph, operator.inputs[1]))
    return {"macs": weights, "weights": weights, "biases": _shape(graph, operator.outputs[0])[-1]}


def _pool(graph: Graph, operator: Operator) -> dict[str, Any]:  # noqa: ARG001
    kernel = (max(1, operator.option(4, "i", 1)), max(1, operator.option(3, "i", 1)))
    return {"kernel": kernel, "stride": max(1, operator.option(2, "i", 1))}


def _nothing(graph: Graph, operator: Operator) -> dict[str, Any]:  # noqa: ARG001
    return {}


_FACTS: dict[str, Callable[[Graph, Operator], dict[str, Any]]] = {
    "CONV_2D": lambda graph, operator: _windowed(graph, operator, depthwise=False),
    "DEPTHWISE_CONV_2D": lambda graph, operator: _windowed(graph, operator, depthwise=True),
    "FULLY_CONNECTED": _dense,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
}
