"""TensorFlow's quantizer with other ranges than those that it would take.

Its converter quantizes in two steps: it writes a float file that holds the least and the
largest value of each activation, and makes integers of that. Between the two the ranges
are replaced.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.export.model import parse
from nas.export.quantization.bias import corrected
from nas.export.quantization.equalization import equalized
from nas.export.quantization.finest import widened
from nas.export.quantization.grid import read_grid, require_grid, tables_with_ranges, with_grid, write_range
from nas.export.quantization.method import PLAIN, Method
from nas.export.quantization.numbers import with_numbers
from nas.export.quantization.ranges import Histogram, ends
from nas.export.quantization.recording import Recorder
from nas.rounding.grid import Grid
from nas.rounding.network import Numbers

Picture = NDArray[np.floating[Any]]


def quantize(converter: Any, ends_type: Any, pictures: Sequence[Picture], method: Method) -> bytes:
    """The int8 file of TensorFlow's `converter` by a method; `ends_type` is that of its input and output.

    `pictures` (1, H, W, C) in -1..1 show what activations there are.
    """
    floats = _calibrated(converter)
    if method.equalize:
        floats = equalized(floats)
    if method != PLAIN:
        floats = with_ranges(floats, pictures, method.ranges)
    floats = widened(floats)
    data = _in_integers(floats, ends_type)
    return corrected(data, floats, pictures) if method.correct_bias else data


def quantize_to(converter: Any, ends_type: Any, grid: Grid, numbers: Sequence[Numbers]) -> bytes:
    """The int8 file of TensorFlow's `converter` with the steps of a grid, and these numbers in its convolutions.

    Raises `InputError` where the file is of another network.
    """
    data = _in_integers(with_grid(_calibrated(converter), grid), ends_type)
    return with_numbers(require_grid(data, grid), numbers)


def grid_for(converter: Any, ends_type: Any, pictures: Sequence[Picture], kind: str) -> Grid:
    """The grid that the int8 file of TensorFlow's `converter` would have, with ranges of a kind."""
    floats = widened(with_ranges(_calibrated(converter), pictures, kind))
    return read_grid(floats, _in_integers(floats, ends_type))


def _calibrated(converter: Any) -> bytes:
    """The float file that holds the ranges of its activations."""
    converter._experimental_calibrate_only = True
    return bytes(converter.convert())


def _in_integers(floats: bytes, ends_type: Any) -> bytes:
    from tensorflow.lite.python.convert import mlir_quantize

    return bytes(mlir_quantize(floats, input_data_type=ends_type, output_data_type=ends_type))


def with_ranges(data: bytes, pictures: Sequence[Picture], kind: str) -> bytes:
    """A float file that holds ranges with others in their place: those that it has on the pictures, by a kind.

    Its input's stays and its output's is all of it: a pixel is to be one step, and the
    largest outputs are what counts.
    """
    model, tables = parse(data, "export"), tables_with_ranges(data)
    numbers = [number for number in tables if number not in model.main.inputs]
    histograms = _histograms(Recorder(data, model.main), pictures, numbers)
    changed = bytearray(data)
    for number, histogram in histograms.items():
        write_range(changed, tables[number], *ends(histogram, "max" if number in model.main.outputs else kind))
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
