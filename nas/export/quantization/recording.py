"""Every tensor of a TFLite file while it runs on pictures."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from nas.export.model import Graph, Tensor
from nas.export.quiet import quiet

Real = NDArray[np.float32]
Picture = NDArray[np.floating[Any]]


class Recorder:
    """A file that keeps what it computes on the way, by the runtime's own kernels: XNNPACK's keep nothing."""

    def __init__(self, data: bytes, graph: Graph):
        self.graph = graph
        with quiet():
            self._interpreter: Any = Interpreter(
                model_content=data,
                num_threads=1,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            self._interpreter.allocate_tensors()

    def run(self, picture: Picture) -> None:
        """Computes all tensors for a picture (1, H, W, C) of what the network takes, in -1..1."""
        number = self.graph.inputs[0]
        self._interpreter.set_tensor(number, quantized(picture, self.graph.tensors[number]))
        self._interpreter.invoke()

    def real(self, number: int) -> Real:
        """What a tensor holds now, as real numbers."""
        return dequantized(self._interpreter.get_tensor(number), self.graph.tensors[number])

    def over(self, pictures: Iterable[Picture], numbers: Iterable[int]) -> Iterator[dict[int, Real]]:
        """The tensors of these numbers, for one picture after the other."""
        chosen = tuple(numbers)
        for picture in pictures:
            self.run(picture)
            yield {number: self.real(number) for number in chosen}


def quantized(values: Picture, tensor: Tensor) -> NDArray[Any]:
    """Real numbers as a tensor holds them, with one scale."""
    if not tensor.scales:
        return values.astype(np.float32)
    limits = np.iinfo(tensor.dtype)
    steps = np.rint(values / tensor.scales[0]) + tensor.zero_points[0]
    return np.asarray(np.clip(steps, limits.min, limits.max), tensor.dtype)


def dequantized(values: NDArray[Any], tensor: Tensor) -> Real:
    """What the numbers of a tensor with one scale, or none, stand for."""
    if not tensor.scales:
        return values.astype(np.float32)
    return ((values.astype(np.float32) - tensor.zero_points[0]) * np.float32(tensor.scales[0])).astype(np.float32)
