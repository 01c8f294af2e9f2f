"""A signature and a metadata entry for a .tflite file that is written already.

A FlatBuffer points forward alone, so that what is new must stand before what it points
to. A new outermost table is set before the old file, which stays as it is, byte for byte:
its inner distances do not change. The old outermost table is left unused.
"""

from collections.abc import Sequence
from typing import NamedTuple

from flatbuffers import Builder

from nas.export.flatbuffer import Table
from nas.export.model import IDENTIFIER, Model, parse

ALIGNMENT = 16  # bytes, of the constants in a file
SIGNATURE, INPUT, OUTPUT = "serving_default", "image", "logits"
VERSION, CODES, GRAPHS, DESCRIPTION, BUFFERS, METADATA_BUFFERS, METADATA, SIGNATURES = range(8)  # fields of Model


class Entry(NamedTuple):
    """A metadata entry: its name, and its content."""

    name: str
    content: bytes


def prepend(data: bytes, entry: Entry) -> bytes:
    """The same model with one signature, called as `SIGNATURE` says, and with `entry` among its metadata.

    An entry of the same name is replaced. Raises `InputError` for bytes that are no TFLite model.
    """
    model = parse(data, "export")
    root = model.source.root()
    builder = Builder(len(entry.content) + 4096)
    builder.minalign = ALIGNMENT
    signatures = _vector(builder, [_signature(builder, model)])
    tables = root.tables(BUFFERS)
    kept = [table for table in root.tables(METADATA) if table.text(0) != entry.name]
    added = _metadata(builder, entry, len(tables))
    metadata = _vector(builder, [*(-table.position for table in kept), added])
    buffers = _vector(builder, [*(-table.position for table in tables), _buffer(builder, entry.content)])
    new = {BUFFERS: buffers, METADATA: metadata, SIGNATURES: signatures}
    builder.Finish(_root(builder, root, new), IDENTIFIER)
    return bytes(builder.Output()) + data


# What stands in the old file is as far behind the new part's end as its position there: a negative
# offset, where the builder counts offsets back from the end.


def _root(builder: Builder, old: Table, new: dict[int, int]) -> int:
    builder.StartObject(SIGNATURES + 1)
    builder.PrependUint32Slot(VERSION, old.number(VERSION, "I"), 0)
    for slot in (CODES, GRAPHS, DESCRIPTION, METADATA_BUFFERS):
        position = old.target(slot)
        if position is not None:
            builder.PrependUOffsetTRelativeSlot(slot, -position, 1)
    for slot, offset in new.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _vector(builder: Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _buffer(builder: Builder, content: bytes) -> int:
    vector = builder.CreateByteVector(content)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(builder.EndObject())


def _metadata(builder: Builder, entry: Entry, buffer: int) -> int:
    name = builder.CreateString(entry.name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependUint32Slot(1, buffer, 0)
    return int(builder.EndObject())


def _signature(builder: Builder, model: Model) -> int:
    inputs = _vector(builder, [_named(builder, INPUT, model.main.inputs[0])])
    outputs = _vector(builder, [_named(builder, OUTPUT, model.main.outputs[0])])
    key = builder.CreateString(SIGNATURE)
    builder.StartObject(5)
    for slot, offset in enumerate((inputs, outputs, key)):
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _named(builder: Builder, name: str, tensor: int) -> int:
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUint32Slot(1, tensor, 0)
    return int(builder.EndObject())
