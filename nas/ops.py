"""The operations of a deployed network, as plain data."""

from dataclasses import dataclass, field
from functools import cached_property

from nas.architecture import Architecture

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Op:
    """One operation of a deployed network: batch norm folded, activation fused.

    `kind` is one of: conv, depthwise_conv, dense, add, mul, average_pool, max_pool,
    concat, reshape, pad, activation, or the name of the primitive for anything else.
    Shapes are without the batch dimension: (height, width, channels) or (features,).
    `inputs` and `output` number the tensors of the block it stands in; 0 is the
    block's own input.
    """

    kind: str
    in_shape: Shape
    out_shape: Shape
    inputs: tuple[int, ...]
    output: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    macs: int = 0
    weights: int = 0
    biases: int = 0
    activation: str = ""


@dataclass(frozen=True, eq=False)
class BlockTrace:
    """A distinct block's ops; one shared object for every network that contains the block.

    `params` counts trainable numbers, `statistics` the running averages kept beside them.
    `idle` are ops whose result the output does not depend on: a converter drops most of them.
    """

    ops: tuple[Op, ...]
    in_shape: Shape
    out_shape: Shape
    params: int
    statistics: int
    idle: tuple[Op, ...] = ()

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and dense layers."""
        return sum(op.macs for op in self.ops)


@dataclass(frozen=True)
class LayerTrace:
    """A block at its place in a network."""

    name: str
    kind: str
    block: BlockTrace


@dataclass(frozen=True)
class Trace:
    """A network's blocks in order, with totals; batch 1.

    `architecture` is what was traced, for devices that have to run it; None where the trace is of none.
    """

    layers: tuple[LayerTrace, ...]
    architecture: Architecture | None = field(default=None, compare=False)

    @property
    def in_shape(self) -> Shape:
        """Shape of the picture."""
        return self.layers[0].block.in_shape

    @property
    def out_shape(self) -> Shape:
        """Shape of the logits."""
        return self.layers[-1].block.out_shape

    @property
    def ops(self) -> tuple[Op, ...]:
        """All ops in order; tensor numbers are each block's own."""
        return tuple(op for layer in self.layers for op in layer.block.ops)

    @cached_property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(layer.block.params for layer in self.layers)

    @cached_property
    def statistics(self) -> int:
        """Running averages kept beside the parameters."""
        return sum(layer.block.statistics for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and dense layers for one picture."""
        return sum(layer.block.macs for layer in self.layers)
