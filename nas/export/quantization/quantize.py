"""TensorFlow's quantizer with other ranges than those that it would take.

Its converter quantizes in two steps: it writes a float file that holds the least and the
largest value of each activation, and makes integers of that. Between the two the ranges
are replaced.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.export.flatbuffer import Table
from nas.export.model import parse
from nas.export.quantization.bias import corrected
from nas.export.quantization.equalization import equalized
from nas.export.quantization.method import PLAIN, Method
from nas.export.quantization.places import tensor_table, vector_place
from nas.export.quantization.ranges import Histogram, ends
from nas.export.quantization.recording import Recorder

Picture = NDArray[np.floating[Any]]

_QUANTIZATION, _MIN, _MAX = 4, 0, 1  # fields of Tensor, and of QuantizationParameters


def quantize(converter: Any, ends_type: Any, pictures: Sequence[Picture], method: Method) -> bytes:
    """The int8 file of TensorFlow's `converter` by a method; `ends_type` is that of its input and output.

    `pictures` (1, H, W, C) in -1..1 show what activations there are.
    """
    from tensorflow.lite.python.convert import mlir_quantize

    converter._experimental_calibrate_only = True
    floats = bytes(converter.convert())
    if method.equalize:
        floats = equalized(floats)
    if method != PLAIN:
        floats = with_ranges(floats, pictures, method.ranges)
    data = bytes(mlir_quantize(floats, input_data_type=ends_type, output_data_type=ends_type))
    return corrected(data, floats, pictures) if method.correct_bias else data


def with_ranges(data: bytes, pictures: Sequence[Picture], kind: str) -> bytes:
    """A float file that holds ranges with others in their place: those that it has on the pictures, by a kind.

    Its input's stays and its output's is all of it: a pixel is to be one step, and the
    largest outputs are what counts.
    """
    model = parse(data, "export")
    tables = {number: tensor_table(model, number) for number in range(len(model.main.tensors))}
    numbers = [number for number, table in tables.items() if _has_range(table) and number not in model.main.inputs]
    histograms = _histograms(Recorder(data, model.main), pictures, numbers)
    changed = bytearray(data)
    for number, histogram in histograms.items():
        _write_range(changed, tables[number], *ends(histogram, "max" if number in model.main.outputs else kind))
    return bytes(changed)


def _histograms(recorder: Recorder, pictures: Sequence[Picture], numbers: list[int]) -> dict[int, Histogram]:
    """Of each tensor's values, after a first look at where they end."""
    low, high = dict.fromkeys(numbers, np.inf), dict.fromkeys(numbers, -np.inf)
    for tensors in recorder.over(pictures, numbers):
        for number, values in tensors.items():
            low[number] = min(low[number], float(values.min()))
            high[number] = max(high[number], float(values.max()))
    histograms = {number: Histogram.empty(low[number], high[number]) for number in numbers}
    for tensors in recorder.over(pictures, numbers):
        for number, values in tensors.items():
            histograms[number].add(values)
    return histograms


def _has_range(table: Table) -> bool:
    quantization = table.table(_QUANTIZATION)
    if quantization is None:
        return False
    return all(len(quantization.array(slot, np.dtype(np.float32))) == 1 for slot in (_MIN, _MAX))


def _write_range(data: bytearray, table: Table, low: float, high: float) -> None:
    quantization = table.table(_QUANTIZATION)
    if quantization is None:
        return
    for slot, value in ((_MIN, low), (_MAX, high)):
        place = vector_place(quantization, slot)
        if place is not None:
            data[place : place + 4] = np.float32(value).tobytes()
