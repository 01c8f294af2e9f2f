"""Plain operations to an ONNX file."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nas.export.card import Card
from nas.export.extras import load_extra
from nas.export.plain import Node, Plain, Value
from nas.export.prepend import INPUT, OUTPUT

OPSET, IR_VERSION = 17, 8  # of 2022: newer runtimes read them too
_SIMPLE = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "max": "Max",
    "min": "Min",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
    "hard-swish": "HardSwish",
    "dense": "MatMul",
}


def onnx_bytes(network: Plain, card: Card) -> bytes:
    """The content of an .onnx file: a picture (1, H, W, C) in -1..1 to logits (1, classes).

    Equal arguments give equal bytes. Raises `InputError` where the package onnx is not installed.
    """
    onnx = load_extra("onnx", "onnx")
    writer = _Writer(onnx)
    _, channels, height, width = network.in_shape
    writer.node("Transpose", [INPUT], "t0", perm=(0, 3, 1, 2))
    for node in network.nodes:
        writer.write(node)
    writer.node("Identity", [f"t{network.output}"], OUTPUT)
    classes = network.nodes[-1].shape[-1]
    info, number = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    ends = [info(INPUT, number, (1, height, width, channels))], [info(OUTPUT, number, (1, classes))]
    graph = onnx.helper.make_graph(writer.nodes, card.name or "network", *ends, initializer=writer.constants)
    opsets = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="edgescale")
    model.doc_string = card.description
    onnx.helper.set_model_props(model, {key: value for key, value in _properties(card).items() if value})
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _properties(card: Card) -> dict[str, str]:
    return {
        "author": card.author,
        "license": card.license,
        "labels": "\n".join(card.labels),
        "normalisation": "pixels / 127.5 - 1",
    }


class _Writer:
    """Nodes and constants as ONNX has them; tensor 7 is called t7, the constants of its node t7.0 and so on."""

    def __init__(self, onnx: Any):
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values: Any, name: str) -> str:
        array = np.ascontiguousarray(values)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def write(self, node: Node) -> None:
        out = f"t{node.output}"
        inputs = [self._value(value, f"{out}.{place}") for place, value in enumerate(node.inputs)]
        if node.op in _SIMPLE:
            self.node(_SIMPLE[node.op], inputs, out)
        else:
            _WRITERS[node.op](self, node, inputs, out)

    def _value(self, value: Value, name: str) -> str:
        return f"t{value}" if isinstance(value, int) else self.constant(np.asarray(value, np.float32), name)

    def numbers(self, out: str, *several: Any) -> list[str]:
        """Integers that an operation reads as tensors."""
        return [self.constant(np.array(each, np.int64), f"{out}.n{place}") for place, each in enumerate(several)]


def _edges(padding: Any) -> list[int]:
    return [edge for side in zip(*padding, strict=True) for edge in side]


def _conv(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:
    facts = node.facts
    writer.node(
        "Conv",
        inputs,
        out,
        strides=facts["strides"],
        pads=_edges(facts["padding"]),
        dilations=facts["dilation"],
        group=facts["groups"],
    )


def _pool(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:
    facts = node.facts
    shape = {"kernel_shape": facts["window"], "strides": facts["strides"], "pads": _edges(facts["padding"])}
    if node.op == "max_pool":
        writer.node("MaxPool", inputs, out, **shape)
    else:
        writer.node("AveragePool", inputs, out, count_include_pad=1, **shape)


def _relu6(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:  # noqa: ARG001
    low, high = (writer.constant(np.float32(end), f"{out}.{end}") for end in (0, 6))
    writer.node("Clip", [*inputs, low, high], out)


def _swish(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:  # noqa: ARG001
    writer.node("Mul", [*inputs, writer.node("Sigmoid", inputs, f"{out}.gate")], out)


def _gelu(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:  # noqa: ARG001
    """x / 2 * (1 + erf(x / sqrt 2)): ONNX has an operation of its own only since opset 20."""
    root, one, half = (writer.constant(np.float32(v), f"{out}.c{i}") for i, v in enumerate((0.5**0.5, 1, 0.5)))
    share = writer.node("Erf", [writer.node("Mul", [*inputs, root], f"{out}.x")], f"{out}.erf")
    weight = writer.node("Mul", [writer.node("Add", [share, one], f"{out}.sum"), half], f"{out}.weight")
    writer.node("Mul", [*inputs, weight], out)


def _pad(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:
    """Constants beside the tensor: onnxruntime 1.31 takes a Pad into the MaxPool after it, which then
    pads with -infinity instead."""
    padding = node.facts["padding"]
    if min(_edges(padding)) < 0:  # it cuts off
        value = writer.constant(np.float32(node.facts["value"]), f"{out}.value")
        writer.node("Pad", [*inputs, *writer.numbers(out, _edges(padding)), value], out)
        return
    shape = [size - low - high for size, (low, high) in zip(node.shape, padding, strict=True)]
    name = inputs[0]
    for axis, edges in enumerate(padding):
        if any(edges):
            name = _beside(writer, name, shape, axis, edges, node.facts["value"], f"{out}.axis{axis}")
            shape[axis] += sum(edges)
    writer.node("Identity", [name], out)


def _beside(
    writer: _Writer, name: str, shape: list[int], axis: int, edges: tuple[int, int], value: float, out: str
) -> str:
    low, high = (
        [writer.constant(np.full([*shape[:axis], size, *shape[axis + 1 :]], value, np.float32), f"{out}.{place}")]
        if size
        else []
        for place, size in zip(("low", "high"), edges, strict=True)
    )
    return writer.node("Concat", [*low, name, *high], out, axis=axis)


def _slice(writer: _Writer, node: Node, inputs: list[str], out: str) -> None:
    facts = node.facts
    axes = range(len(facts["begin"]))
    writer.node("Slice", [*inputs, *writer.numbers(out, facts["begin"], facts["end"], axes, facts["strides"])], out)


_WRITERS: dict[str, Callable[[_Writer, Node, list[str], str], Any]] = {
    "conv": _conv,
    "average_pool": _pool,
    "max_pool": _pool,
    "relu6": _relu6,
    "swish": _swish,
    "gelu": _gelu,
    "hard-sigmoid": lambda w, _, inputs, out: w.node("HardSigmoid", inputs, out, alpha=1 / 6, beta=0.5),
    "leaky-relu": lambda w, _, inputs, out: w.node("LeakyRelu", inputs, out, alpha=0.1),
    "concat": lambda w, node, inputs, out: w.node("Concat", inputs, out, axis=node.facts["axis"]),
    "transpose": lambda w, node, inputs, out: w.node("Transpose", inputs, out, perm=node.facts["axes"]),
    "reshape": lambda w, node, inputs, out: w.node("Reshape", [*inputs, *w.numbers(out, node.shape)], out),
    "pad": _pad,
    "slice": _slice,
}
