"""Writes into a .tflite file what it is: its input, its classes, whose it is.

By the schema that `tensorflow/tflite-support` publishes (metadata_schema.fbs, M001): a
FlatBuffer in the model's metadata, and the class names as a file in a zip archive behind
the model, where apps and `unzip` find it.
"""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from flatbuffers import Builder

from nas.errors import InputError
from nas.export.card import AXIS_LABELS, IDENTIFIER, MEAN, NAME, NORMALIZATION, STD, Card
from nas.export.model import Tensor, parse
from nas.export.prepend import INPUT, OUTPUT, Entry, prepend

LABELS = "labels.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest time: equal labels are equal bytes
_PARSER = "1.0.0"  # of the schema, that of every field used here
_IMAGE, _FEATURE = 2, 1  # of the schema's ContentProperties
_RGB, _GREY = 1, 2
_RANGES = {"int8": (-128.0, 127.0), "uint8": (0.0, 255.0)}


def described(data: bytes, card: Card) -> bytes:
    """The same model with metadata and a signature. Equal arguments give equal bytes.

    Raises `InputError` for bytes that are no classifier in TFLite's format.
    """
    graph = parse(data, "export").main
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InputError(f"export: has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; expected 1 and 1")
    content = _content(card, graph.tensors[graph.inputs[0]])
    return _with_file(prepend(data, Entry(NAME, content)), card.labels)


def _with_file(data: bytes, labels: Sequence[str]) -> bytes:
    if not labels:
        return data
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS, _EPOCH), "".join(f"{label}\n" for label in labels))
    return stream.getvalue()


def _content(card: Card, image: Tensor) -> bytes:
    """The metadata's FlatBuffer."""
    builder = Builder(1024)
    files = [_table(builder, {0: LABELS, 1: "class names, one a line", 2: ("b", AXIS_LABELS)})] if card.labels else []
    picture = _table(
        builder,
        {
            0: INPUT,
            1: "a picture; pixels of 0..255 are normalised as (pixel - mean) / std",
            3: _properties(builder, _IMAGE, {0: ("b", _RGB if image.shape[-1] == 3 else _GREY)}),
            4: [_normalization(builder, card)],
            5: _statistics(builder, image),
        },
    )
    logits = _table(
        builder,
        {0: OUTPUT, 1: "one number for each class, before softmax", 3: _properties(builder, _FEATURE, {}), 6: files},
    )
    graph = _table(builder, {2: [picture], 3: [logits]})
    root = _table(builder, {0: card.name, 1: card.description, 3: [graph], 4: card.author, 5: card.license, 7: _PARSER})
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


_Field = str | int | tuple[str, int] | list[int]


def _table(builder: Builder, fields: dict[int, _Field]) -> int:
    """A table of strings, tables (by offset), vectors of tables and bytes (as ("b", value)); the empty are left out."""
    offsets = {slot: _offset(builder, value) for slot, value in fields.items() if value}
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, value in offsets.items():
        if isinstance(value, tuple):
            builder.PrependInt8Slot(slot, value[1], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return int(builder.EndObject())


def _offset(builder: Builder, value: _Field) -> int | tuple[str, int]:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    return _vector(builder, value) if isinstance(value, list) else value


def _vector(builder: Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Builder, *values: float) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.float32)))


def _properties(builder: Builder, kind: int, fields: dict[int, _Field]) -> int:
    return _union(builder, kind, _table(builder, fields))


def _normalization(builder: Builder, card: Card) -> int:
    options = _table(builder, {0: _floats(builder, *card.mean), 1: _floats(builder, *card.std)})
    return _union(builder, NORMALIZATION, options)


def _union(builder: Builder, kind: int, table: int) -> int:
    """A table whose fields 0 and 1 are a union."""
    return _table(builder, {0: ("b", kind), 1: table})


def _statistics(builder: Builder, image: Tensor) -> int:
    """The numbers that the input takes: of its own type."""
    low, high = _RANGES.get(image.dtype, (-MEAN / STD, (255 - MEAN) / STD))
    return _table(builder, {0: _floats(builder, high), 1: _floats(builder, low)})
