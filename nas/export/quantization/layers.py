"""Which layers an int8 file loses its accuracy in: each beside the same layer in float."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.constants import Constants
from nas.export.model import Graph, parse
from nas.export.quantization.bias import WEIGHTED
from nas.export.quantization.pairs import Pair, pairs
from nas.export.quantization.recording import Recorder

Picture = NDArray[np.floating[Any]]

GOOD = 30.0  # decibels above which a layer is no reason to do anything
_MOST = 100.0  # decibels that are told from no error at all
_CONSTANT, _OUTLYING, _UNEVEN = 0.3, 2.0, 8.0  # from where on something helps
_TRAINING = "quantization-aware training (nas qat)"
_USUAL = 0.999  # the share of an activation's values that are no outliers


@dataclass(frozen=True)
class LayerError:
    """One layer of an int8 file against float, on the same pictures.

    `snr` is ten times the logarithm of what the layer makes, squared and summed, over its
    error, in decibels; `lost` how many of them its inputs had more. `weights_snr` is that
    of its weights by themselves, None without any. `constant` is the share (0 to 1) of
    the error that is the same for all pictures in a channel, `outlying` the largest value
    over that which 999 of 1000 do not exceed, `uneven` the largest channel over the median one.
    """

    place: int
    op: str
    name: str
    snr: float
    lost: float
    weights_snr: float | None
    constant: float
    outlying: float
    uneven: float

    @property
    def helps(self) -> str:
        """What is known to help against the largest of its errors; empty where it is good."""
        if self.snr >= GOOD:
            return ""
        if self.weights_snr is not None and self.weights_snr < self.snr + 3:
            return f"weights: {_TRAINING}"
        if self.constant > _CONSTANT:
            return "the mean is off: bias correction (+bias)"
        if self.outlying > _OUTLYING:
            return "few large values set the range: mse or percentile"
        if self.uneven > _UNEVEN:
            return "channels differ much: cross-layer equalization (+equal)"
        return "errors of layers before it" if self.lost < 1 else f"8 bits are few here: {_TRAINING}"


def layer_errors(floats: bytes, integers: bytes, pictures: Sequence[Picture]) -> list[LayerError]:
    """Every layer of an int8 file, the worst first, beside the float file of the same network.

    `pictures` (1, H, W, C) are in -1..1. Raises `InputError` where the files are not of one
    network, or there are no pictures.
    """
    if not len(pictures):
        raise InputError("quantization: found no pictures; expected some to run both files on")
    exact, model = parse(floats, "the float file").main, parse(integers, "the int8 file").main
    found = pairs(exact, model)
    sums = [_Sums() for _ in found]
    recorders = Recorder(floats, exact), Recorder(integers, model)
    for picture in pictures:
        for recorder in recorders:
            recorder.run(picture)
        for pair, sum_ in zip(found, sums, strict=True):
            sum_.add(recorders[0].real(pair.floats.outputs[0]), recorders[1].real(pair.integers.outputs[0]))
    snr = {pair.integers.outputs[0]: sum_.snr for pair, sum_ in zip(found, sums, strict=True)}
    errors = [_error(place, *both, exact, model, snr) for place, both in enumerate(zip(found, sums, strict=True), 1)]
    return sorted(errors, key=lambda error: error.snr)


class _Sums:
    """What is summed up of one layer over the pictures."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.count = 0
        self.means: NDArray[np.float64] = np.zeros(1)  # of the error, by channel
        self.largest: NDArray[np.float64] = np.zeros(1)  # by channel
        self.usual = 0.0

    def add(self, wanted: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        a, b = (values.reshape(-1, values.shape[-1]).astype(np.float64) for values in (wanted, found))
        self.signal += float((a**2).sum())
        self.noise += float(((a - b) ** 2).sum())
        self.count += len(a)
        self.means = self.means + (b - a).sum(0)
        self.largest = np.maximum(self.largest, np.abs(a).max(0))
        self.usual = max(self.usual, float(np.quantile(np.abs(a), _USUAL)))

    @property
    def snr(self) -> float:
        return decibels(self.signal, self.noise)

    @property
    def constant(self) -> float:
        return float((self.means**2).sum() / self.count / self.noise) if self.noise else 0.0

    @property
    def outlying(self) -> float:
        return float(self.largest.max() / self.usual) if self.usual else 1.0

    @property
    def uneven(self) -> float:
        middle = float(np.median(self.largest))
        return float(self.largest.max() / middle) if middle else 1.0


def decibels(signal: float, noise: float) -> float:
    """Ten times the logarithm of a ratio of powers, up to 100, which stands for more."""
    if noise <= signal * 10 ** (-_MOST / 10):
        return _MOST
    return float(10 * np.log10(max(signal, 1e-300) / noise))


def _error(place: int, pair: Pair, sums: _Sums, exact: Graph, model: Graph, snr: dict[int, float]) -> LayerError:
    before = [snr[number] for number in pair.integers.inputs if number in snr]
    return LayerError(
        place=place,
        op=pair.integers.op,
        name=exact.tensors[pair.floats.outputs[0]].name,
        snr=sums.snr,
        lost=max(0.0, min(before, default=_MOST) - sums.snr),
        weights_snr=_weights_snr(pair, exact, model),
        constant=sums.constant,
        outlying=sums.outlying,
        uneven=sums.uneven,
    )


def _weights_snr(pair: Pair, exact: Graph, model: Graph) -> float | None:
    if pair.floats.op not in WEIGHTED or pair.integers.op != pair.floats.op:
        return None
    axis = 3 if pair.floats.op == "DEPTHWISE_CONV_2D" else 0
    wanted = Constants(exact, "the float file").real(pair.floats.inputs[1], axis)
    found = Constants(model, "the int8 file").real(pair.integers.inputs[1], axis)
    if wanted is None or found is None or wanted.shape != found.shape:
        return None
    return decibels(
        float((wanted.astype(np.float64) ** 2).sum()), float(((wanted - found).astype(np.float64) ** 2).sum())
    )
