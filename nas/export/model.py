"""What is inside a TFLite file: tensors and operators, read without TensorFlow.

Field numbers are those of the schema that TFLite publishes (`schema.fbs`, version 3).
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.card import Card, read_card
from nas.export.flatbuffer import Malformed, Source, Table
from nas.export.reach import look_at_all

IDENTIFIER = b"TFL3"
_OPS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
_SIZED = (
    *("float64", "float32", "float16", "bool"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
)
_QUANTIZED = ("int8", "uint8", "int16", "int32")
OPTIONS = 4  # field of Operator
LARGEST = 2**28  # elements of one tensor; the largest of EfficientNet-B7 at 600x600 has 2**25
_INT32 = np.dtype(np.int32)
_BYTE = np.dtype(np.uint8)


@dataclass(frozen=True)
class Tensor:
    """One tensor: `shape` as stored, -1 in `signature` where a dimension may change.

    `data` holds the bytes of a constant and is empty for every other tensor, and for
    constants that are stored sparse or outside of the tables. A quantized value q
    stands for `scales * (q - zero_points)`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    constant: bool
    data: NDArray[np.uint8]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]

    @property
    def dynamic(self) -> bool:
        """Whether a dimension is left open."""
        return any(size < 0 for size in (*self.shape, *self.signature))

    def values(self) -> NDArray[Any]:
        """The numbers of a constant, in its shape."""
        return self.data.view(np.dtype(self.dtype).newbyteorder("<")).reshape(self.shape)


@dataclass(frozen=True)
class Operator:
    """One operator: numbers of its tensors (-1 for an input left out) and its options.

    `code` is the number of its entry in the file's list of operator codes, `options` the
    bytes of each option by its field number, `table` where the operator stands in the file.
    """

    op: str
    version: int
    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[int, bytes]
    table: Table

    def option(self, slot: int, kind: str, default: int = 0) -> int:
        """The scalar option of `kind` (a `struct` letter) that is field `slot` of this op's options."""
        if slot not in self.options:
            return default
        size = struct.calcsize(f"<{kind}")
        value: int = struct.unpack(f"<{kind}", self.options[slot][:size].ljust(size, b"\0"))[0]
        return value


@dataclass(frozen=True)
class Graph:
    """One subgraph: operators in the order in which they run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """A TFLite file; the first graph is the one that runs. `card` is what it says of itself, where it does."""

    graphs: tuple[Graph, ...]
    codes: tuple[Table, ...]
    source: Source
    card: Card | None = None

    @property
    def main(self) -> Graph:
        """The graph that runs."""
        return self.graphs[0]

    @property
    def graph_table(self) -> Table:
        """That of the graph that runs."""
        return self.source.root().item(2, 0)

    def tensor_table(self, number: int) -> Table:
        """That of a tensor of the graph that runs."""
        return self.graph_table.item(0, number)

    def buffer_table(self, number: int) -> Table:
        """That of the bytes of such a tensor, which is a constant."""
        return self.source.root().item(4, self.tensor_table(number).number(2, "I"))


def read(path: Path) -> Model:
    """Reads a .tflite file.

    Raises `InputError` where there is no such file or it is no whole TFLite model.
    """
    return parse(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises `InputError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from error


def parse(data: bytes, origin: str) -> Model:
    """Reads the bytes of a .tflite file; `origin` is how errors name it.

    Everything that a runtime would follow blindly is checked: numbers of tensors,
    buffers and operator codes, and that constants are as large as their shape.
    Raises `InputError` for bytes that are no whole TFLite model.
    """
    if data[4:8] != IDENTIFIER:
        found = f"{len(data)} bytes that begin with {data[:8]!r}" if data else "an empty file"
        raise InputError(f"{origin}: is no TFLite model; found {found}, expected {IDENTIFIER!r} at byte 4")
    try:
        look_at_all(Source(data).root())
        return _model(Source(data))
    except Malformed as error:
        raise InputError(f"{origin}: is damaged or cut short: {error}; expected a whole .tflite file") from error


@dataclass(frozen=True)
class _Constant:
    """One buffer; tensors of equal content share it. `outside`: the data of files beyond
    2 GB stands behind the tables."""

    data: NDArray[np.uint8]
    outside: bool

    @classmethod
    def of(cls, table: Table) -> "_Constant":
        return cls(table.array(0, _BYTE), table.number(1, "Q") > 1)


def _model(source: Source) -> Model:
    root = source.root()
    codes = tuple(root.tables(1))
    buffers = [_Constant.of(table) for table in root.tables(4)]
    graphs = tuple(_graph(table, codes, buffers) for table in root.tables(2))
    if not graphs:
        raise Malformed("it holds no graph")
    return Model(graphs, codes, source, read_card(source))


def _graph(table: Table, codes: tuple[Table, ...], buffers: list[_Constant]) -> Graph:
    tensors = tuple(_tensor(entry, buffers) for entry in table.tables(0))
    operators = tuple(_operator(entry, codes) for entry in table.tables(3))
    graph = Graph(tensors, operators, _numbers(table, 1), _numbers(table, 2))
    for operator in operators:
        _check_numbers(operator.inputs, len(tensors), lowest=-1)
        _check_numbers(operator.outputs, len(tensors))
    _check_numbers(graph.inputs, len(tensors))
    _check_numbers(graph.outputs, len(tensors))
    return graph


def _tensor(table: Table, buffers: list[_Constant]) -> Tensor:
    shape = _numbers(table, 0)
    dtype = _TYPES.get(table.number(1, "b"), "unknown")
    number = table.number(2, "I")
    _check_numbers((number,), len(buffers))
    constant = buffers[number]
    quantization = table.table(4)
    tensor = Tensor(
        name=table.text(3),
        dtype=dtype,
        shape=shape,
        signature=_numbers(table, 7),
        constant=len(constant.data) > 0 or constant.outside,
        data=constant.data if table.find(6) is None else constant.data[:0],
        scales=() if quantization is None else tuple(quantization.array(2, np.dtype(np.float32)).tolist()),
        zero_points=() if quantization is None else tuple(quantization.array(3, np.dtype(np.int64)).tolist()),
    )
    _check_tensor(tensor)
    return tensor


def _check_tensor(tensor: Tensor) -> None:
    where = f"tensor '{tensor.name[:40]}'"
    elements = math.prod(abs(size) for size in tensor.shape)
    if elements > LARGEST:
        raise Malformed(f"{where} of shape {tensor.shape} has more than {LARGEST} elements")
    if tensor.dtype in _QUANTIZED:
        limits = np.iinfo(tensor.dtype)
        if not all(0 < scale < LARGEST for scale in tensor.scales):
            raise Malformed(f"{where} has a quantization scale that is no positive number below {LARGEST}")
        if not all(limits.min <= zero <= limits.max for zero in tensor.zero_points):
            raise Malformed(f"{where} has a quantization zero point outside {tensor.dtype}")
    if len(tensor.data) and tensor.dtype in _SIZED:
        needed = elements * np.dtype(tensor.dtype).itemsize
        if needed != len(tensor.data) or min(tensor.shape, default=1) < 0:
            raise Malformed(f"{where} of shape {tensor.shape} holds {len(tensor.data)} bytes where it needs {needed}")


def _operator(table: Table, codes: tuple[Table, ...]) -> Operator:
    number = table.number(0, "I")
    _check_numbers((number,), len(codes))
    op, version = _code(codes[number])
    options = table.table(OPTIONS)
    fields = {} if options is None else options.fields()
    return Operator(op, version, number, _numbers(table, 1), _numbers(table, 2), fields, table)


def _code(table: Table) -> tuple[str, int]:
    """Name and version of an operator code; custom ops go by the name that they state."""
    builtin = max(table.number(0, "b"), table.number(3, "i"))
    name = _OPS.get(builtin, f"BUILTIN_{builtin}")
    if name == "CUSTOM":
        name = table.text(1) or name
    return name, table.number(2, "i", 1)


def _numbers(table: Table, slot: int) -> tuple[int, ...]:
    return tuple(table.array(slot, _INT32).tolist())


def _check_numbers(numbers: tuple[int, ...], count: int, lowest: int = 0) -> None:
    for number in numbers:
        if not lowest <= number < count:
            raise Malformed(f"it names entry {number} of {count}")
