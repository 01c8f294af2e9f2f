"""What a .tflite file says of itself, read from its metadata.

By the schema that `tensorflow/tflite-support` publishes (metadata_schema.fbs, M001). Files
that the metadata names, as the class names, are in a zip archive behind the model.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nas.export.flatbuffer import Malformed, Source, Table

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
AXIS_LABELS = 2  # of the schema's AssociatedFileType
NORMALIZATION = 1  # of the schema's ProcessUnitOptions
MEAN = STD = 127.5  # pixels of 0..255 to the networks' -1..1
MOST_COLOURS = 4
MOST_LABELS = 2**24  # bytes
_NO_FILE = (KeyError, OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)  # from zipfile


@dataclass(frozen=True)
class Card:
    """What is written into a file; what is empty is left out. `labels` are the classes in the outputs' order.

    Pixels of 0..255 become (pixel - mean) / std, by one number or one for each colour; in
    files from elsewhere these may be any, and are empty where nothing is said of it.
    """

    name: str = ""
    description: str = ""
    author: str = ""
    license: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = (MEAN,)
    std: tuple[float, ...] = (STD,)


def read_card(source: Source) -> Card | None:
    """What a model says of itself in its metadata, or None where it has no metadata.

    Raises `Malformed` where the metadata is damaged, or names a file that is not there.
    """
    root = _metadata_of(source)
    if root is None:
        return None
    card = Card(root.text(0), root.text(1), root.text(4), root.text(5), (), *_normalization(root))
    labels = next(_label_files(root), "")
    return replace(card, labels=_labels(source.data, labels) if labels else ())


def _metadata_of(source: Source) -> Table | None:
    root = Source(source.data).root()  # with a limit of its own: its content was read once already, as a buffer
    entry = next((table for table in root.tables(6) if table.text(0) == NAME), None)
    if entry is None:
        return None
    buffers = root.tables(4)
    number = entry.number(1, "I")
    content = bytes(buffers[number].array(0, np.dtype(np.uint8))) if number < len(buffers) else b""
    if content[4:8] != IDENTIFIER:
        raise Malformed(f"its metadata begins with {content[:8]!r} where {IDENTIFIER!r} is expected at byte 4")
    return Source(content).root()


def _normalization(root: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the first input; one more number than there can be colours is enough to see a wrong one."""
    inputs = [tensor for graph in root.tables(3)[:1] for tensor in graph.tables(2)[:1]]
    for unit in (unit for tensor in inputs for unit in tensor.tables(4)):
        options = unit.table(1)
        if unit.number(0, "B") == NORMALIZATION and options is not None:
            mean, std = (options.array(slot, np.dtype(np.float32))[: MOST_COLOURS + 1].tolist() for slot in (0, 1))
            return tuple(mean), tuple(std)
    return (), ()


def _label_files(root: Table) -> Iterator[str]:
    """Names of the files of class names, those of outputs first."""
    graphs = root.tables(3)
    outputs = [tensor for graph in graphs[:1] for tensor in graph.tables(3)]
    for table in [*(file for output in outputs for file in output.tables(6)), *root.tables(6)]:
        if table.number(2, "b") == AXIS_LABELS:
            yield table.text(0)


def _labels(data: bytes, name: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as file:
            content = file.read(MOST_LABELS + 1)
    except _NO_FILE as error:
        raise Malformed(f"the file '{name}' that its metadata names is not whole behind it") from error
    if len(content) > MOST_LABELS:
        raise Malformed(f"its '{name}' has more than {MOST_LABELS} bytes")
    text = content.decode("utf-8-sig", errors="replace").rstrip("\n")
    return tuple("".join(c if c.isprintable() else "?" for c in line).strip() for line in text.split("\n"))
