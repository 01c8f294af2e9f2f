"""The steps of an int8 file, read from it and written into the float file that the next one is made of."""

from collections.abc import Iterator

import numpy as np

from nas.errors import InputError
from nas.export.flatbuffer import Table
from nas.export.model import Graph, Tensor, parse
from nas.export.quantization.places import vector_place
from nas.rounding.grid import Grid, Made, Step

# Operators that round what they make; those of other kinds only place what is rounded already.
KINDS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "conv",
    "ADD": "add",
    "SUB": "sub",
    "MUL": "mul",
    "AVERAGE_POOL_2D": "pool",
    "CONCATENATION": "concat",
    "LOGISTIC": "sigmoid",
    "TANH": "tanh",
    "HARD_SWISH": "hard-swish",
    "RELU": "relu",
    "RELU6": "relu6",
}
_PLACING = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "MAX_POOL_2D", "PAD", "PADV2", "SLICE", "STRIDED_SLICE", "SPLIT"),
    *("SPLIT_V", "TRANSPOSE", "QUANTIZE", "DEQUANTIZE", "BROADCAST_TO"),
)
_QUANTIZATION, _MIN, _MAX = 4, 0, 1  # fields of Tensor, and of QuantizationParameters


def read_grid(floats: bytes, integers: bytes) -> Grid:
    """The grid of an int8 file and of the float file, with ranges, that it was made of.

    Raises `InputError` for an operator that has no rounded form.
    """
    model = parse(integers, "export").main
    return Grid(_step(model.tensors[model.inputs[0]]), steps_made(model), ranges(floats))


def steps_made(graph: Graph) -> tuple[Made, ...]:
    """What the operators of an int8 graph round to, in the order in which they run."""
    found = []
    for operator in graph.operators:
        if operator.op not in KINDS and operator.op not in _PLACING:
            known = ", ".join(KINDS)
            raise InputError(f"quantization: a rounded network has no form of {operator.op}; expected one of {known}")
        if operator.op in KINDS:
            tensor = graph.tensors[operator.outputs[0]]
            found.append(Made(KINDS[operator.op], tensor.shape[1:], _step(tensor)))
    return tuple(found)


def ranges(data: bytes) -> tuple[tuple[float, float], ...]:
    """The ranges that a float file holds, in the order of its tensors."""
    return tuple((float(low[0]), float(high[0])) for low, high in map(_ends, tables_with_ranges(data).values()))


def with_grid(data: bytes, grid: Grid) -> bytes:
    """A float file with a grid's ranges in the place of its own; raises `InputError` where it has others than that."""
    tables = list(tables_with_ranges(data).values())
    if len(tables) != len(grid.ranges):
        raise InputError(
            f"quantization: the network has {len(tables)} tensors to round and the grid {len(grid.ranges)}; "
            "expected the grid that it was trained on"
        )
    changed = bytearray(data)
    for table, (low, high) in zip(tables, grid.ranges, strict=True):
        write_range(changed, table, low, high)
    return bytes(changed)


def require_grid(data: bytes, grid: Grid) -> bytes:
    """An int8 or uint8 file as it is; raises `InputError` where it rounds otherwise than the grid says."""
    made = steps_made(parse(data, "export").main)
    differing = next((pair for pair in zip(made, grid.made, strict=False) if pair[0] != pair[1]), None)
    if differing or len(made) != len(grid.made):
        mine, theirs = differing or (f"{len(made)} operations", f"{len(grid.made)}")
        raise InputError(f"quantization: the file would round {mine} and the training {theirs}; expected the same")
    return data


def tables_with_ranges(data: bytes) -> dict[int, Table]:
    """The tensors of a float file that hold a range, by number."""
    model = parse(data, "export")
    tables = ((number, model.tensor_table(number)) for number in range(len(model.main.tensors)))
    return {number: table for number, table in tables if all(len(values) == 1 for values in _ends(table))}


def write_range(data: bytearray, table: Table, low: float, high: float) -> None:
    """Puts a range in the place of the one that a tensor has."""
    quantization = table.table(_QUANTIZATION)
    if quantization is None:
        return
    for slot, value in ((_MIN, low), (_MAX, high)):
        place = vector_place(quantization, slot)
        if place is not None:
            data[place : place + 4] = np.float32(value).tobytes()


def _ends(table: Table) -> Iterator[np.ndarray]:
    quantization = table.table(_QUANTIZATION)
    for slot in (_MIN, _MAX):
        yield np.zeros(0) if quantization is None else quantization.array(slot, np.dtype(np.float32))


def _step(tensor: Tensor) -> Step:
    if tensor.dtype not in ("int8", "uint8") or len(tensor.scales) != 1:
        raise InputError(f"quantization: '{tensor.name}' is {tensor.dtype}; expected integers of 8 bits throughout")
    return Step(tensor.scales[0], tensor.zero_points[0])
