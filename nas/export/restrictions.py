"""What the Edge TPU compiler asks of an op beyond its name and version.

Each restriction is a function of an operator in its graph that returns what is wrong,
or an empty string. Fields of options are numbered as in TFLite's schema.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nas.export.facts import sources, supported_ops
from nas.export.model import Graph, Operator, Tensor

_EIGHT_BIT = ("int8", "uint8")
_CONSTANT = (*_EIGHT_BIT, "int32")  # biases, shapes and axes are int32
SOFTMAX_LIMIT = 16000  # elements, by a third-party developer guide


@dataclass(frozen=True)
class Use:
    """One operator with the tensors that it reads and writes."""

    operator: Operator
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, operator: Operator, graph: Graph) -> "Use":
        """The operator with its tensors; inputs that are left out are skipped."""
        inputs = tuple(graph.tensors[number] for number in operator.inputs if number >= 0)
        return cls(operator, inputs, tuple(graph.tensors[number] for number in operator.outputs))

    @property
    def rank(self) -> int:
        """Number of dimensions of the first input."""
        return len(self.inputs[0].shape) if self.inputs else 0


Restriction = Callable[[Use], str]


def violation(use: Use) -> str:
    """Why the op stays on the CPU although the table lists it, with its source, or ''."""
    row = supported_ops().get(use.operator.op)
    own = ((rule, row.source) for rule in _OF_OP.get(use.operator.op, ()) if row)
    for rule, source in (*_BEFORE, *own, *_AFTER):
        if problem := rule(use):
            return f"{problem} ({source})"
    return ""


def remark(use: Use) -> str:
    """What cannot be told from the tables about an op that seems to map, or ''."""
    if use.operator.op == "DEPTHWISE_CONV_2D" and (multiplier := use.operator.option(3, "i")) > 1:
        return f"depth multiplier {multiplier} is unverified: no compiled model at hand has one above 1"
    return ""


def _types(use: Use) -> str:
    state = ("int16",) if use.operator.op == "UNIDIRECTIONAL_SEQUENCE_LSTM" else ()
    for tensor in (*use.inputs, *use.outputs):
        if tensor.dtype not in ((*_CONSTANT, *state) if tensor.constant else (*_EIGHT_BIT, *state)):
            return f"works on {tensor.dtype}; expected int8 or uint8 throughout, as full-integer quantization gives"
    return ""


def _fixed(use: Use) -> str:
    if any(tensor.dynamic for tensor in (*use.inputs, *use.outputs)):
        return "has a dimension that is not fixed; expected fixed shapes and a batch of 1"
    return ""


def _three_dimensions(use: Use) -> str:
    for tensor in (*use.inputs, *use.outputs):
        if not tensor.constant and any(size != 1 for size in tensor.shape[:-3]):
            return f"has a tensor of shape {list(tensor.shape)}; only the 3 innermost dimensions may exceed 1"
    return ""


_BEFORE: tuple[tuple[Restriction, str], ...] = ((_types, sources("I,L")), (_fixed, sources("Q")))
_AFTER: tuple[tuple[Restriction, str], ...] = ((_three_dimensions, sources("Q")),)


def _no_activation(slot: int) -> Restriction:
    def rule(use: Use) -> str:
        return "has a fused activation; expected a separate RELU or RELU6" if use.operator.option(slot, "b") else ""

    return rule


def _constant_from(first: int, last: int | None = None) -> Restriction:
    def rule(use: Use) -> str:
        if all(tensor.constant for tensor in use.inputs[first:last]):
            return ""
        return "has weights or parameters that are computed; expected constants"

    return rule


def _equal_dilation(slot: int) -> Restriction:
    def rule(use: Use) -> str:
        x, y = (use.operator.option(slot + axis, "i", 1) for axis in (0, 1))
        return "" if x == y else f"has dilation {y}x{x}; expected the same in x and y"

    return rule


def _dense_weights(use: Use) -> str:
    return "has shuffled weights; expected the default weight format" if use.operator.option(1, "b") else ""


def _one_dimensional(use: Use) -> str:
    shape = use.outputs[0].shape if use.outputs else ()
    if all(size == 1 for size in shape[:-1]):
        return ""
    return f"has an output of shape {list(shape)}; expected one dimension, as a 1x1 CONV_2D does not need"


def _axes(use: Use, number: int = 1) -> Sequence[int]:
    """The constant axes of input `number`, counted from the front."""
    if len(use.inputs) <= number or not len(use.inputs[number].data):
        return ()
    return tuple(axis % max(use.rank, 1) for axis in use.inputs[number].values().ravel().tolist())


def _not_over_batch(use: Use) -> str:
    return "reduces over the batch" if use.rank == 4 and 0 in _axes(use) else ""


def _depth_of_four(use: Use) -> str:
    axes = _axes(use)
    if use.rank and use.rank - 1 in axes and use.inputs[0].shape[-1] % 4:
        return f"reduces over {use.inputs[0].shape[-1]} channels; expected a multiple of 4"
    return ""


def _batch_not_padded(use: Use) -> str:
    paddings = [tensor for tensor in use.inputs[1:2] if len(tensor.data)]
    return "pads the batch" if use.rank == 4 and any(np.any(each.values().ravel()[:2]) for each in paddings) else ""


def _concatenation(use: Use) -> str:
    constants = [tensor for tensor in use.inputs if tensor.constant]
    if not constants:
        return ""
    if len(use.inputs) == 2 and all(np.all(tensor.data == _zero(tensor)) for tensor in constants):
        return ""
    return "has a constant input; expected exactly two inputs then, the constant all zeros"


def _zero(tensor: Tensor) -> int:
    """The byte that stands for 0."""
    return (tensor.zero_points[0] if tensor.zero_points else 0) % 256


def _softmax(use: Use) -> str:
    shape = use.inputs[0].shape if use.inputs else ()
    if all(size == 1 for size in shape[:-1]) and (not shape or shape[-1] <= SOFTMAX_LIMIT):
        return ""
    return f"has an input of shape {list(shape)}; expected one dimension of at most {SOFTMAX_LIMIT}"


def _not_along_batch(slot: int) -> Restriction:
    def rule(use: Use) -> str:
        rank = len(use.outputs[0].shape) if use.outputs else 1
        return "works along the batch" if rank == 4 and use.operator.option(slot, "i") % rank == 0 else ""

    return rule


def _split(use: Use) -> str:
    tensor = use.inputs[-1] if use.inputs else None
    axes = use.inputs[0].values().ravel().tolist() if use.inputs and len(use.inputs[0].data) else []
    return "splits the batch" if tensor is not None and len(tensor.shape) == 4 and axes and axes[0] % 4 == 0 else ""


def _strided_slice(use: Use) -> str:
    if use.operator.option(2, "i") or use.operator.option(3, "i"):
        return "has an ellipsis or new-axis mask; expected neither"
    strides = use.inputs[3] if len(use.inputs) > 3 else None
    if strides is None or not len(strides.data):
        return "has strides that are computed; expected constants"
    return "" if np.all(strides.values() == 1) else f"has strides {strides.values().tolist()}; expected 1 throughout"


_REDUCTION: tuple[Restriction, ...] = (_constant_from(1), _not_over_batch)
_OF_OP: dict[str, tuple[Restriction, ...]] = {
    "AVERAGE_POOL_2D": (_no_activation(5),),
    "MAX_POOL_2D": (_no_activation(5),),
    "CONCATENATION": (_no_activation(1), _concatenation),
    "CONV_2D": (_constant_from(1), _equal_dilation(4)),
    "DEPTHWISE_CONV_2D": (_constant_from(1), _equal_dilation(5)),
    "FULLY_CONNECTED": (_constant_from(1), _dense_weights, _one_dimensional),
    "MEAN": (*_REDUCTION, _depth_of_four),
    "SUM": _REDUCTION,
    "REDUCE_MAX": _REDUCTION,
    "REDUCE_MIN": _REDUCTION,
    "PACK": (_not_along_batch(1),),
    "PAD": (_constant_from(1), _batch_not_padded),
    "PRELU": (_constant_from(1),),
    "RESHAPE": (_constant_from(1),),
    "SOFTMAX": (_softmax,),
    "SPLIT": (_split,),
    "STRIDED_SLICE": (_strided_slice,),
    "TRANSPOSE_CONV": (_constant_from(0, 2),),
}
