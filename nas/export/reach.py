"""Looks at all that a .tflite file holds, so that one that is cut short is noticed wherever the cut is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nas.export.flatbuffer import Table

_BYTES, _INT32, _INT64, _FLOAT32 = (np.dtype(kind) for kind in ("u1", "i4", "i8", "f4"))

# By field of TFLite's schema: a table's fields for a table, in a list for a vector of tables; a type for a vector of
# numbers; "text".
_NAMED: list[Any] = [{0: "text"}]
_QUANTIZATION = {0: _FLOAT32, 1: _FLOAT32, 2: _FLOAT32, 3: _INT64}
_TENSOR = {0: _INT32, 3: "text", 4: _QUANTIZATION, 7: _INT32}
_OPERATOR = {1: _INT32, 2: _INT32, 4: {}, 5: _BYTES, 7: _BYTES, 8: _INT32}
_GRAPH = {0: [_TENSOR], 1: _INT32, 2: _INT32, 3: [_OPERATOR], 4: "text"}
_SIGNATURE = {0: _NAMED, 1: _NAMED, 2: "text"}
MODEL = {1: [{1: "text"}], 2: [_GRAPH], 3: "text", 4: [{0: _BYTES}], 5: _INT32, 6: _NAMED, 7: [_SIGNATURE]}


def look_at_all(table: Table, fields: Mapping[int, Any] = MODEL) -> None:
    """Raises `Malformed` where a part of the table, or of what it points to, is not in the file."""
    for slot, what in fields.items():
        if what == "text":
            table.text(slot)
        elif isinstance(what, list):
            for entry in table.tables(slot):
                look_at_all(entry, what[0])
        elif isinstance(what, dict):
            inner = table.table(slot)
            if inner is not None:
                look_at_all(inner, what)
        else:
            table.array(slot, what)
