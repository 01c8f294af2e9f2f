"""A reader of FlatBuffers that trusts nothing it reads.

Every position is checked against the file, and the vectors read may not together hold
more elements than the file has bytes: tables that point to one vector a million times
would otherwise turn a small file into hours of work.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FORMATS = {name: struct.Struct("<" + name) for name in "bBhHiIqQ?"}
_ALLOWANCE = 4096  # elements beyond the file's size: small files may share a few vectors


class Malformed(ValueError):
    """The bytes are not a FlatBuffer, or not one of this schema."""


class Source:
    """The bytes of a file, with a limit on how much may be read out of them."""

    def __init__(self, data: bytes):
        self.data = data
        self._budget = len(data) + _ALLOWANCE

    def number(self, position: int, kind: str) -> int:
        """The little-endian number of `kind` (a `struct` letter) at `position`."""
        form = _FORMATS[kind]
        self.check(position, form.size)
        value: int = form.unpack_from(self.data, position)[0]
        return value

    def check(self, position: int, size: int) -> None:
        """Raises `Malformed` where the `size` bytes at `position` are not all in the file."""
        if position < 0 or position + size > len(self.data):
            raise Malformed(f"it points to byte {position + size} of {len(self.data)}")

    def vector(self, position: int, width: int) -> tuple[int, int]:
        """Position of the first element and length of the vector whose elements take `width` bytes, all to be read."""
        start, length = self.extent(position, width)
        self.claim(length)
        return start, length

    def extent(self, position: int, width: int) -> tuple[int, int]:
        """As `vector`, of one that is not to be read whole."""
        length = self.number(position, "I")
        self.check(position + 4, length * width)
        return position + 4, length

    def claim(self, elements: int) -> None:
        """Raises `Malformed` where more elements of vectors were read, with these, than the file can have."""
        self._budget -= elements
        if self._budget < 0:
            raise Malformed("its tables claim more entries than the file has bytes")

    def root(self) -> "Table":
        """The outermost table."""
        return self.table(self.number(0, "I"))

    def table(self, position: int) -> "Table":
        """The table at `position`, all of which is in the file."""
        layout = position - self.number(position, "i")
        size = self.number(layout, "H")
        self.check(layout, size)
        self.check(position, self.number(layout + 2, "H") if size >= 4 else 4)
        return Table(self, position, layout, size)


@dataclass(frozen=True)
class Table:
    """A table of a FlatBuffer: its fields are read by their number in the schema.

    Its `layout`, of `size` bytes, says where each field is.
    """

    source: Source
    position: int
    layout: int
    size: int

    def find(self, slot: int) -> int | None:
        """Position of field `slot` in the file, or None where the field has its default."""
        entry = 4 + 2 * slot
        if entry + 2 > self.size:
            return None
        offset = self.source.number(self.layout + entry, "H")
        return self.position + offset if offset else None

    def number(self, slot: int, kind: str, default: int = 0) -> int:
        """A scalar field."""
        position = self.find(slot)
        return default if position is None else self.source.number(position, kind)

    def fields(self) -> dict[int, bytes]:
        """The first 4 bytes of every field that is present, fewer at the end of the file."""
        count = max(0, self.size // 2 - 2)
        places = ((slot, self.find(slot)) for slot in range(count))
        return {slot: self.source.data[place : place + 4] for slot, place in places if place is not None}

    def table(self, slot: int) -> "Table | None":
        """A field that is a table, or None where it is absent."""
        position = self.target(slot)
        return None if position is None else self.source.table(position)

    def tables(self, slot: int) -> list["Table"]:
        """A field that is a vector of tables."""
        position = self.target(slot)
        if position is None:
            return []
        start, length = self.source.vector(position, 4)
        entries = range(start, start + 4 * length, 4)
        return [self.source.table(entry + self.source.number(entry, "I")) for entry in entries]

    def item(self, slot: int, index: int) -> "Table":
        """One table of a field that is a vector of tables."""
        position = self.target(slot)
        start, length = (0, 0) if position is None else self.source.extent(position, 4)
        if not 0 <= index < length:
            raise Malformed(f"it points to table {index} of {length}")
        self.source.claim(1)
        entry = start + 4 * index
        return self.source.table(entry + self.source.number(entry, "I"))

    def text(self, slot: int) -> str:
        """A field that is a string, fit to be printed: what is not printable becomes '?'."""
        content = bytes(self.array(slot, np.dtype(np.uint8)))
        if (position := self.target(slot)) is not None:
            self.source.check(position + 4 + len(content), 1)  # the zero behind every string
        text = content.decode(errors="replace")
        return "".join(letter if letter.isprintable() else "?" for letter in text)

    def array(self, slot: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """A field that is a vector of numbers, as a read-only array."""
        position = self.target(slot)
        if position is None:
            return np.zeros(0, dtype)
        start, length = self.source.vector(position, dtype.itemsize)
        return np.frombuffer(self.source.data, dtype.newbyteorder("<"), length, start)

    def target(self, slot: int) -> int | None:
        """Position in the file of what field `slot` points to, or None where the field is absent."""
        position = self.find(slot)
        return None if position is None else position + self.source.number(position, "I")
