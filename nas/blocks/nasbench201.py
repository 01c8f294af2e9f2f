"""The cell of NAS-Bench-201, and what reduces the picture between its stages (arXiv 2001.00326).

A cell has four nodes, a to d: a is the input, d the output, and each is the sum of what the
edges from all nodes before it bring. Every edge has one of five operations, named as the
benchmark names them; an edge that is not said has none.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from flax import nnx

from nas.blocks.cell_operations import ActConvNorm
from nas.blocks.layers import Conv
from nas.blocks.pool import mean_pool
from nas.blocks.registry import Options, register
from nas.errors import unknown
from nas.ops import Shape

EDGES = ("ab", "ac", "bc", "ad", "bd", "cd")  # in the benchmark's order
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


@dataclass(frozen=True, kw_only=True)
class CellOptions(Options):
    channels: int
    ab: str = "none"
    ac: str = "none"
    bc: str = "none"
    ad: str = "none"
    bd: str = "none"
    cd: str = "none"

    def check(self) -> None:
        for edge in EDGES:
            if getattr(self, edge) not in OPERATIONS:
                raise ValueError(f"{edge}: {unknown('operation', getattr(self, edge), OPERATIONS)}")


@register("nasbench201", CellOptions)
class Cell(nnx.Module):
    """(B, H, W, C) to the same shape; zeros where no path joins input and output.

    A node that no edge reaches is zeros, and edges that leave it work on those, as in the
    benchmark, whose published parameters also count edges that lead nowhere.
    """

    def __init__(self, in_shape: Shape, options: CellOptions, *, rngs: nnx.Rngs):
        channels = options.channels
        if in_shape[-1] != channels:
            raise ValueError(f"channels is {channels}; expected {in_shape[-1]}, those of the input")
        self.operations = {edge: getattr(options, edge) for edge in EDGES}
        for edge, operation in self.operations.items():
            if operation in KERNELS:
                convolution = ActConvNorm(channels, channels, KERNELS[operation], 1, "relu", rngs)
                setattr(self, edge, convolution)

    def __call__(self, x: jax.Array) -> jax.Array:
        nodes = {"a": x}
        for node in "bcd":
            arriving = [self._along(edge, nodes[edge[0]]) for edge in EDGES if edge[1] == node]
            some = [y for y in arriving if y is not None]
            nodes[node] = sum(some[1:], start=some[0]) if some else 0 * x
        return nodes["d"]

    def _along(self, edge: str, x: jax.Array) -> jax.Array | None:
        operation = self.operations[edge]
        if operation == "none":
            return None
        if operation == "skip_connect":
            return x
        if operation == "avg_pool_3x3":
            return mean_pool(x, 3, 1)
        y: jax.Array = getattr(self, edge)(x)
        return y


@dataclass(frozen=True, kw_only=True)
class ReductionOptions(Options):
    stride: int = 2
    channels: int

    repeatable: ClassVar[bool] = False


@register("nasbench201_reduction", ReductionOptions)
class Reduction(nnx.Module):
    """Two 3x3 convolutions around which the pooled input skips.

    (B, H, W, C) to (B, ceil(H / stride), ceil(W / stride), channels).
    """

    def __init__(self, in_shape: Shape, options: ReductionOptions, *, rngs: nnx.Rngs):
        o = options
        self.first = ActConvNorm(in_shape[-1], o.channels, 3, o.stride, "relu", rngs)
        self.second = ActConvNorm(o.channels, o.channels, 3, 1, "relu", rngs)
        same = o.stride == 1 and in_shape[-1] == o.channels
        self.shortcut = None if same else Conv(in_shape[-1], o.channels, rngs=rngs)
        self.stride = o.stride

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.second(self.first(x))
        if self.stride > 1:
            x = mean_pool(x, self.stride, self.stride)
        return y + (x if self.shortcut is None else self.shortcut(x))
