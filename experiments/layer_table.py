"""Which layers int8 loses its accuracy in, as a table beside the files."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from nas.export.compare import REFERENCE, ExportRow
from nas.export.quantization.layers import LayerError, Picture, layer_errors
from nas.export.quantization.method import Method
from nas.export.tflite import FOR_EDGETPU, convert
from nas.files import write_text
from nas.network import Network

LAYERS = "layers.csv"
LAYER_PICTURES = 32  # that every layer is looked at on


def write_layers(path: Path, layers: Sequence[LayerError]) -> None:
    """Writes the layers, a line each, with what is known to help."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*LayerError.__dataclass_fields__, "helps"))
    for layer in layers:
        values = [f"{value:.4g}" if isinstance(value, float) else value for value in asdict(layer).values()]
        writer.writerow((*values, layer.helps))
    write_text(path, stream.getvalue())


def look_at_layers(
    network: Network,
    files: Mapping[str, Path],
    rows: Sequence[ExportRow],
    pictures: Sequence[Picture],
    method: Method,
    most: float,
) -> list[LayerError]:
    """The layers of the int8 file among `files`, worst first; none where it lost at most the share `most` of accuracy.

    They are looked at on `pictures` (1, H, W, C) in -1..1, and without equalization, which makes other layers.
    """
    accuracy = {row.format: row.accuracy for row in rows}
    form = next((form for form in FOR_EDGETPU if form in accuracy), None)
    if form is None or accuracy[REFERENCE] - accuracy[form] <= most:
        return []
    integers = files[form].read_bytes()
    if method.equalize or form != "int8":
        integers = convert(network, pictures[0].shape, "int8", pictures, replace(method, equalize=False))
    floats = files["float32"].read_bytes() if "float32" in files else convert(network, pictures[0].shape, "float32")
    return layer_errors(floats, integers, pictures[:LAYER_PICTURES])
