"""What a fitted predictor sees of a network: sums over its ops, kind by kind.

Ops are of one kind here where they have the same operation, kernel, stride and grouping: "conv 3x3
s2", "depthwise_conv 5x5". Sums over blocks are sums over networks, so each distinct block is
looked at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nas.ops import BlockTrace, Op, Shape

QUANTITIES = ("macs", "ops", "padded_macs", "read", "written", "weights")  # of the ops of one kind
LANES = 8  # channels that vector units take at once, at least
IDLE, UNREAD = "idle ", "unread "  # before the kind of an op that the output does not depend on
DIMENSIONS = ("pixels a side", "channels in", "channels out")

Extremes = tuple[float, ...]  # the least of each of `DIMENSIONS`, then the most of each


@dataclass(frozen=True)
class BlockFacts:
    """A block's sums by (kind of op, quantity), and the extremes of each kind's ops."""

    sums: Mapping[tuple[str, str], float]
    extremes: Mapping[str, Extremes]


def facts(block: BlockTrace) -> BlockFacts:
    """What there is to see of a block."""
    sums: dict[tuple[str, str], float] = {}
    extremes: dict[str, Extremes] = {}
    for kind, op in _kinds(block):
        for quantity, amount in zip(QUANTITIES, amounts(op), strict=True):
            if amount:
                sums[kind, quantity] = sums.get((kind, quantity), 0.0) + amount
        size = dimensions(op)
        extremes[kind] = widened(extremes.get(kind), size + size)
    return BlockFacts(sums, extremes)


def _kinds(block: BlockTrace) -> list[tuple[str, Op]]:
    """Every op that is not free, with its kind; a converter may fail to drop idle ones, at their end above all."""
    read = {number for op in block.idle for number in op.inputs}
    found = [(kind_of(op), op) for op in block.ops if op.kind != "reshape"]
    return found + [((IDLE if op.output in read else UNREAD) + kind_of(op), op) for op in block.idle]


def kind_of(op: Op) -> str:
    """One op's kind in words; a fused activation is left out, as it costs next to nothing."""
    words = [op.kind]
    if op.kind == "activation":
        words.append(op.activation)
    if op.kind.endswith("_pool") and op.out_shape[:2] == (1, 1):
        return f"{op.kind} whole"  # one kind, however large the picture
    if op.kernel != (1, 1) or op.kind == "conv":
        words.append(f"{op.kernel[0]}x{op.kernel[1]}")
    if op.stride > 1:
        words.append(f"s{op.stride}")
    if op.dilation > 1:
        words.append(f"d{op.dilation}")
    if op.groups > 1 and op.kind == "conv":
        words.append("grouped")
    return " ".join(words)


def amounts(op: Op) -> tuple[float, ...]:
    """The op's `QUANTITIES`: millions of multiply-accumulates, thousands of elements and of weights."""
    read, written = sum(math.prod(op.in_shape) for _ in op.inputs), math.prod(op.out_shape)
    return op.macs / 1e6, 1.0, op.macs * _padding(op) / 1e6, read / 1e3, written / 1e3, op.weights / 1e3


def _padding(op: Op) -> float:
    """How much more is computed where channels are rounded up to whole vectors."""
    if op.kind == "depthwise_conv":
        return _rounded(op.out_shape[-1])
    return _rounded(op.in_shape[-1] // op.groups) * _rounded(op.out_shape[-1] // op.groups)


def _rounded(channels: int) -> float:
    return math.ceil(channels / LANES) * LANES / channels


def dimensions(op: Op) -> tuple[float, ...]:
    """The op's `DIMENSIONS`; pixels are those of the larger of input and output."""
    return float(max(_side(op.in_shape), _side(op.out_shape))), float(op.in_shape[-1]), float(op.out_shape[-1])


def _side(shape: Shape) -> int:
    return max(shape[:2]) if len(shape) == 3 else 1


def widened(known: Extremes | None, other: Extremes) -> Extremes:
    """The extremes that hold both."""
    if known is None:
        return other
    half = len(DIMENSIONS)
    return (*map(min, known[:half], other[:half]), *map(max, known[half:], other[half:]))
