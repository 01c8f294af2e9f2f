"""Op versions that the Edge TPU compiler takes, where TensorFlow writes newer ones for nothing.

The compiler stops at an op whose version it does not know, even if the op uses nothing
of what is new in it. Such files are made right by rewriting the version, and only where
the op computes the same by the older definition.
"""

from nas.export.flatbuffer import Table
from nas.export.model import OPTIONS, Graph, Model, Operator, parse

_KEEP_DIMENSIONS = 2  # field of FullyConnectedOptions, new in version 5
_VERSION = 2  # field of OperatorCode


def lower_versions(data: bytes) -> bytes:
    """The same .tflite file with op versions lowered where that changes nothing.

    FULLY_CONNECTED of version 5 differs from 4 by being able to keep the dimensions of
    its input. With an input of two dimensions there is nothing to keep: the option is
    cleared and the version set to 4, the newest that the compiler is known to accept.
    """
    model = parse(data, "export")
    changed = bytearray(data)
    for number in range(len(model.codes)):
        uses = [(graph, op) for graph in model.graphs for op in graph.operators if op.code == number]
        if uses and all(_keeps_nothing(graph, op) for graph, op in uses):
            for _, op in uses:
                _clear(changed, op.table.table(OPTIONS), _KEEP_DIMENSIONS)
            _set_version(changed, model, number, 4)
    return bytes(changed)


def _keeps_nothing(graph: Graph, operator: Operator) -> bool:
    if (operator.op, operator.version) != ("FULLY_CONNECTED", 5):
        return False
    keeps = operator.option(_KEEP_DIMENSIONS, "?") != 0
    flat = len(graph.tensors[operator.inputs[0]].shape) == 2
    return flat or not keeps


def _clear(data: bytearray, options: Table | None, slot: int) -> None:
    position = None if options is None else options.find(slot)
    if position is not None:
        data[position] = 0


def _set_version(data: bytearray, model: Model, number: int, version: int) -> None:
    position = model.codes[number].find(_VERSION)
    if position is not None:
        data[position : position + 4] = version.to_bytes(4, "little")
