"""That a graph can be followed: runtimes may run operators that go round in circles, a reader would not end."""

from nas.errors import InputError
from nas.export.front import AFFINES
from nas.export.model import Graph, Operator

RANKS = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 2}  # of the weights
_INPUTS = {
    **dict.fromkeys((*RANKS, *AFFINES, "PAD", "SPLIT"), 2),
    "SLICE": 3,
}  # fewest, of operators that are looked at
_PICTURES = ("CONV_2D", "DEPTHWISE_CONV_2D", "SLICE")


def require_sound(graph: Graph, where: str) -> None:
    """Raises `InputError`, beginning with `where`, unless operators have their inputs, from those before them alone."""
    made = set(graph.inputs)
    for operator in graph.operators:
        _require_inputs(graph, operator, where)
        absent = [n for n in operator.inputs if n >= 0 and n not in made and not _given(graph, n)]
        if absent or made.intersection(operator.outputs):
            raise InputError(f"{where}: {operator.op} is out of order; expected each after those that it reads, once")
        made.update(operator.outputs)
    if graph.outputs[0] in graph.inputs or graph.outputs[0] not in made:
        raise InputError(f"{where}: computes nothing of its input; expected a classifier")


def _given(graph: Graph, number: int) -> bool:
    tensor = graph.tensors[number]
    return tensor.constant or 0 in tensor.shape


def _require_inputs(graph: Graph, operator: Operator, where: str) -> None:
    shapes = [graph.tensors[number].shape for number in operator.inputs if number >= 0]
    short = len(operator.inputs) < _INPUTS.get(operator.op, 0) or -1 in operator.inputs[: _INPUTS.get(operator.op, 0)]
    flat = not short and operator.op in RANKS and len(shapes[1]) != RANKS[operator.op]
    if short or flat or (operator.op in _PICTURES and len(shapes[0]) != 4):
        raise InputError(f"{where}: {operator.op} has not the inputs that it needs; expected a whole .tflite file")
