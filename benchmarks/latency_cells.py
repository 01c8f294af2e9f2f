"""The published cells of NAS-Bench-201 as networks of this project's space of that name, and what is seen of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.blocks.nasbench201 import EDGES, OPERATIONS
from nas.latency.features import facts
from nas.latency.predictor import Column, matrix
from nas.ops import BlockTrace, Op, Shape
from nas.trace import trace
from search_spaces.nasbench201 import from_operations

CELLS = "nasbench201_device_latency.npz"
DEVICES = ("raspi4_ms", "fpga_ms")
STAGES, REPEATS = 3, 5

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """The benchmark's cells: operations (N, 6) by number, features (N, D), milliseconds by device."""

    operations: Rows
    columns: tuple[Column, ...]
    features: Array
    milliseconds: dict[str, Array]
    joined: Rows  # those with a path from input to output

    def row_of(self, architecture: Architecture) -> int:
        """The row of a network of the space."""
        cell = architecture.layers[1]
        wanted = [OPERATIONS.index(str(cell.get(edge) or "none")) for edge in EDGES]
        return int(np.flatnonzero((self.operations == wanted).all(1))[0])


def read_cells(folder: Path, limit: int | None = None, said: Callable[[str], None] = print) -> Cells:
    """The published cells with the features of their traces; `limit` takes the first so many."""
    with np.load(folder / CELLS, allow_pickle=False) as data:
        names = [str(name) for name in data["op_names"]]
        numbers = np.array([OPERATIONS.index(name) for name in names])
        operations = numbers[data["cell_ops"][:limit]]
        milliseconds = {device: data[device][:limit].astype(float) for device in DEVICES}
    sums = []
    for done, row in enumerate(operations):
        if done % 1000 == 0:
            said(f"traced {done} of {len(operations)} cells")
        sums.append(_sums(from_operations([OPERATIONS[number] for number in row])))
    columns = tuple(sorted({column for one in sums for column in one}))
    joined = np.flatnonzero([_joined(row) for row in operations])
    return Cells(operations, columns, matrix(sums, columns), milliseconds, joined)


def _joined(row: Sequence[int]) -> bool:
    reached = {"a"}
    for edge, number in zip(EDGES, row, strict=True):
        if edge[0] in reached and OPERATIONS[number] != "none":
            reached.add(edge[1])
    return "d" in reached


def _sums(architecture: Architecture) -> dict[Column, float]:
    """The sums over a network's ops. One of its cells is traced; later stages have the same ops in other sizes."""
    first = first_cell(architecture)
    total = Counter[Column]()
    for block in [at_stage(first, stage) for stage in range(STAGES)]:
        total.update({column: REPEATS * amount for column, amount in facts(block).sums.items()})
    total.update(_around())
    return dict(total)


def first_cell(architecture: Architecture) -> BlockTrace:
    """The cell as it is in the first stage."""
    stem, cell = architecture.layers[:2]
    return trace(Architecture(32, 3, (stem, replace(cell, repeats=1)))).layers[1].block


@cache
def _around() -> Counter[Column]:
    """The sums over what all networks of the space have beside cells."""
    total = Counter[Column]()
    for layer in trace(from_operations(["skip_connect"] * len(EDGES))).layers:
        if layer.kind != "nasbench201":
            total.update(facts(layer.block).sums)
    return total


def at_stage(block: BlockTrace, stage: int) -> BlockTrace:
    """A cell of the first stage as it is in a later one: half the size and twice the channels for each stage."""
    times = 2**stage

    def shaped(shape: Shape) -> Shape:
        return (shape[0] // times, shape[1] // times, shape[2] * times)

    def resized(op: Op) -> Op:
        weights = op.weights * times**2 if op.macs else op.weights
        shapes = {"in_shape": shaped(op.in_shape), "out_shape": shaped(op.out_shape)}
        return replace(op, **shapes, weights=weights, biases=op.biases * times)

    ops, idle = (tuple(map(resized, part)) for part in (block.ops, block.idle))
    return replace(
        block, ops=ops, idle=idle, in_shape=shaped(block.in_shape), out_shape=shaped(block.out_shape), params=0
    )


def twins(cells: Cells) -> tuple[Rows, Rows]:
    """Rows of cells that compute the same as each other: the inner nodes change places where no edge joins them."""
    rows = {tuple(cells.operations[row]): row for row in cells.joined.tolist()}
    pairs = []
    for (ab, ac, bc, ad, bd, cd), row in rows.items():
        other = rows.get((ac, ab, bc, ad, cd, bd))
        if OPERATIONS[bc] == "none" and other is not None and row < other:
            pairs.append((row, other))
    first, second = np.array(pairs).T
    return first, second


def alike(cells: Cells, least: int) -> list[Rows]:
    """Rows of cells with the same amounts of the same ops, `least` or more each."""
    groups: dict[bytes, list[int]] = {}
    for row in cells.joined.tolist():
        groups.setdefault(cells.features[row].tobytes(), []).append(row)
    return [np.array(rows) for rows in groups.values() if len(rows) >= least]


def agreed(milliseconds: Array, share: float = 0.1) -> float:
    """The middle of the numbers that are within `share` of the most of `milliseconds`."""
    sorted_ms = np.sort(milliseconds)
    ends = np.searchsorted(sorted_ms, sorted_ms * (1 + share) / (1 - share), side="right")
    begin = int((ends - np.arange(len(ends))).argmax())
    return float(sorted_ms[begin] * (1 + share) + sorted_ms[ends[begin] - 1] * (1 - share)) / 2
