"""Bytes of a deployed network, from its trace: weights, activations, and the most alive at once.

Ops run one after another, as interpreters without a scheduler run them. A tensor lives from
the op that writes it to the last that reads it; so a skip connection keeps a block's
input alive. Of a block, only its input and its output cross into its neighbours: the peak of
a network is the largest of its blocks' peaks, and each block is counted once.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nas.ops import BlockTrace, Op, Trace

# Beside input and output: swish is deployed as a sigmoid, whose result waits for the product.
SCRATCH = {"swish": 1}


@dataclass(frozen=True)
class NumberFormat:
    """How many bytes a deployed network's numbers take each."""

    name: str
    weight: int
    bias: int
    activation: int


FORMATS = (NumberFormat("float32", 4, 4, 4), NumberFormat("int8", 1, 4, 1))


class Memory(NamedTuple):
    """Bytes, batch 1.

    `weights`: kernels, biases and other constants, norms folded. `activations`: all tensors
    that the ops write. `peak`: the most bytes of activations alive at once, inputs included.
    """

    weights: int
    activations: int
    peak: int


class _Elements(NamedTuple):
    """The same of a block as numbers, not bytes."""

    weights: int
    biases: int
    activations: int
    peak: int


def block_memory(block: BlockTrace, numbers: NumberFormat) -> Memory:
    """Bytes of one block; its peak counts its own input and output."""
    found = _elements(block)
    weights = found.weights * numbers.weight + found.biases * numbers.bias
    return Memory(weights, found.activations * numbers.activation, found.peak * numbers.activation)


def memory(trace: Trace, numbers: NumberFormat) -> Memory:
    """Bytes of a network: weights and activations summed, the highest peak of its blocks."""
    blocks = [block_memory(layer.block, numbers) for layer in trace.layers]
    return Memory(
        sum(block.weights for block in blocks),
        sum(block.activations for block in blocks),
        max(block.peak for block in blocks),
    )


@lru_cache(maxsize=65536)
def _elements(block: BlockTrace) -> _Elements:
    return _Elements(
        sum(op.weights for op in block.ops),
        sum(op.biases for op in block.ops),
        sum(math.prod(op.out_shape) + _scratch(op) for op in block.ops),
        _peak(block),
    )


def _peak(block: BlockTrace) -> int:
    last_read = {number: index for index, op in enumerate(block.ops) for number in op.inputs}
    alive = {0: math.prod(block.in_shape)}
    peak = alive[0]
    for index, op in enumerate(block.ops):
        alive[op.output] = math.prod(op.out_shape)
        peak = max(peak, sum(alive.values()) + _scratch(op))
        for number in [n for n in alive if n != op.output and last_read.get(n, -1) <= index]:
            del alive[number]
    return peak


def _scratch(op: Op) -> int:
    return SCRATCH.get(op.activation, 0) * math.prod(op.out_shape) if op.kind == "activation" else 0
