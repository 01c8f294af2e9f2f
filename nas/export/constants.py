"""The constant numbers of a TFLite file as real ones, however they are stored."""

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.model import Graph, Tensor

Array = NDArray[np.float32]

_FLOATS = ("float16", "float32", "float64")
_INTEGERS = ("int8", "uint8", "int16", "int32", "int64")
_PASSING = ("DEQUANTIZE", "QUANTIZE")  # ops that convert a constant when the file runs


class Constants:
    """The constants of a graph by their tensor's number.

    Quantized ones are scale * (number - zero point), with one scale or one for each
    channel along an axis: that of the published uint8 files of 2018 as of today's int8.
    """

    def __init__(self, graph: Graph, where: str):
        self.graph, self.where = graph, where
        self._converted = {
            operator.outputs[0]: operator.inputs[0] for operator in graph.operators if operator.op in _PASSING
        }

    def tensor(self, number: int) -> Tensor | None:
        """The stored constant behind a tensor, itself or before it is converted; None where it is computed."""
        while number in self._converted:
            number = self._converted[number]
        tensor = self.graph.tensors[number] if number >= 0 else None
        return tensor if tensor is not None and tensor.constant else None

    def real(self, number: int, axis: int = -1) -> Array | None:
        """The numbers of a constant as float32 in its shape, `axis` being that of its scales; None where it is none.

        Raises `InputError` for numbers that are stored in a way that is not known, or are not finite.
        """
        tensor = self.tensor(number)
        if tensor is None:
            return None
        found = f"{self.where}: '{tensor.name}'"
        if tensor.dtype not in (*_FLOATS, *_INTEGERS) or not len(tensor.data):
            known = ", ".join((*_FLOATS, *_INTEGERS))
            raise InputError(f"{found} holds {tensor.dtype} numbers in a form of their own; expected plain {known}")
        values = _real(tensor, axis)
        if not np.isfinite(values).all():
            raise InputError(f"{found} holds numbers that are not finite; expected weights")
        return values

    def whole(self, number: int) -> NDArray[np.int64] | None:
        """The numbers of a constant of integers, such as how much to pad; None where it is none."""
        tensor = self.tensor(number)
        if tensor is None or tensor.dtype not in _INTEGERS or not len(tensor.data):
            return None
        return tensor.values().astype(np.int64)


def _real(tensor: Tensor, axis: int) -> Array:
    values = tensor.values()
    if tensor.dtype in _FLOATS or not tensor.scales:
        return values.astype(np.float32)
    zeros = tensor.zero_points or (0,)
    return (_along(tensor.scales, values, axis) * (values.astype(np.float64) - _along(zeros, values, axis))).astype(
        np.float32
    )


def _along(numbers: tuple[float, ...], values: NDArray[np.generic], axis: int) -> NDArray[np.float64]:
    """One number, or one for each channel, to go with `values`."""
    array = np.asarray(numbers, np.float64)
    if array.size == 1 or not values.ndim:
        return array.reshape(-1)[:1].reshape(())
    shape = [1] * values.ndim
    shape[axis] = array.size
    return array.reshape(shape)
