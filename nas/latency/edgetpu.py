"""An analytical model of the Coral Edge TPU: op shapes in, estimated milliseconds out.

An inference sends instructions and the picture over the bus, and whatever weights the
chip could not keep; the chip computes; the logits come back. Nothing of this overlaps in
the model: the published latencies fit a plain sum. The first op that the chip does not
take, and all ops after it, run on the host's CPU, as the compiler does it unasked. Which
those are is told by the tables that judge files.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Literal

from nas.export.file_ops import file_ops, maps
from nas.latency import layout
from nas.latency.latency import Evidence, KnownError, Latency, LayerLatency, Why
from nas.ops import BlockTrace, Op, Trace

MIB = 2**20
REMEMBERED = 65536  # distinct blocks


@dataclass(frozen=True)
class Constants:
    """The numbers of one attachment; units are in the names, sources in the device's file.

    `conv_stretch`: cycles spent for every cycle that the geometry of tiles and cells
    accounts for. `depthwise_cycles_per_row`: cycles of a tile for one row of the kernel, one
    output pixel and 64 channels.
    """

    clock_mhz: float
    conv_stretch: float
    depthwise_cycles_per_row: float
    elements_per_tile_cycle: float
    on_chip_ms_per_mib: float
    parameter_memory_mib: float
    activation_reserve_mib: float
    bus_ms_per_mib: float
    round_trip_ms: float
    instruction_base_bytes: float
    instruction_bytes_per_op: float
    host_ms_per_gmac: float
    host_ms_per_million_elements: float


@dataclass(frozen=True)
class _BlockCost:
    """What a block costs wherever it stands; the milliseconds leave out streamed weights."""

    compute_ms: float
    memory_ms: float
    instructions_ms: float
    host_ms: float
    all_on_host_ms: float
    weights: tuple[int, ...]  # bytes of each op that has any, in order
    peak_bytes: int
    handed_over_bytes: int  # at the first op for the host, else 0
    why: Why
    on_chip_ms: float = field(init=False)
    weight_bytes: int = field(init=False)
    ms: float = field(init=False)

    def __post_init__(self) -> None:
        on_chip = self.compute_ms + self.memory_ms
        object.__setattr__(self, "on_chip_ms", on_chip)
        object.__setattr__(self, "weight_bytes", sum(self.weights))
        object.__setattr__(self, "ms", on_chip + self.instructions_ms + self.host_ms)


@dataclass(frozen=True, eq=False)
class EdgeTPU:
    """The Edge TPU behind one attachment. Its milliseconds are estimates, never measurements."""

    name: str
    title: str
    constants: Constants
    known_error: KnownError
    kind: Literal["edgetpu"] = "edgetpu"
    evidence: Evidence = "estimate"
    _costs: dict[BlockTrace, _BlockCost] = field(default_factory=dict, repr=False)

    def latency(self, trace: Trace) -> Latency:
        """Estimated milliseconds of one picture (batch 1, int8), looked up by distinct block."""
        costs = [self._cost(layer.block) for layer in trace.layers]
        c = self.constants
        streamed = self._streamed(trace, costs)
        layers = []
        on_chip = instructions = host = 0.0
        returned = math.prod(trace.out_shape)
        handed_over = False
        for layer, cost, stream in zip(trace.layers, costs, streamed, strict=True):
            if handed_over:
                host += cost.all_on_host_ms
                layers.append(LayerLatency(layer.name, cost.all_on_host_ms, "host"))
                continue
            if cost.handed_over_bytes:
                handed_over = True
                returned = cost.handed_over_bytes
            on_chip += cost.on_chip_ms
            instructions += cost.instructions_ms
            host += cost.host_ms
            layers.append(LayerLatency(layer.name, cost.ms + stream, _why(cost, stream)))
        parts = {
            "compute": on_chip,
            "weights_streamed": math.fsum(streamed),
            "input_output": c.bus_ms_per_mib * (math.prod(trace.in_shape) + returned) / MIB,
            "instructions": instructions,
            "overhead": c.round_trip_ms + c.bus_ms_per_mib * c.instruction_base_bytes / MIB,
            "host": host,
        }
        return Latency(sum(parts.values()), parts, tuple(layers), self.evidence)

    def parameter_bytes(self, trace: Trace, per_channel: bool = True) -> tuple[int, int]:
        """Bytes of parameters (kept on the chip, streamed at every inference); `per_channel` as for `weight_bytes`."""
        costs = [self._cost(layer.block) for layer in trace.layers]
        if not per_channel:
            costs = [_packed(cost, layer.block) for cost, layer in zip(costs, trace.layers, strict=True)]
        total = sum(cost.weight_bytes for cost in _on_chip(costs))
        streamed = sum(self._streamed_bytes(trace, costs))
        return total - streamed, streamed

    def _cost(self, block: BlockTrace) -> _BlockCost:
        cost = self._costs.get(block)
        if cost is None:
            if len(self._costs) >= REMEMBERED:
                self._costs.clear()
            cost = self._costs[block] = _block_cost(block, self.constants)
        return cost

    def _streamed(self, trace: Trace, costs: list[_BlockCost]) -> list[float]:
        per_byte = self.constants.bus_ms_per_mib / MIB
        return [per_byte * count for count in self._streamed_bytes(trace, costs)]

    def _streamed_bytes(self, trace: Trace, costs: list[_BlockCost]) -> list[int]:
        """Bytes of each layer's weights that found no room. Ops are kept whole, first come, first served."""
        c = self.constants
        reserve = min(max(cost.peak_bytes for cost in costs), c.activation_reserve_mib * MIB)
        room = c.parameter_memory_mib * MIB - math.prod(trace.in_shape) - reserve
        streamed = [0] * len(costs)
        if sum(cost.weight_bytes for cost in costs) <= room:
            return streamed
        for index, cost in enumerate(_on_chip(costs)):
            for size in cost.weights:
                if size <= room:
                    room -= size
                else:
                    streamed[index] += size
        return streamed


def _on_chip(costs: list[_BlockCost]) -> Iterable[_BlockCost]:
    """The blocks up to the one in which the host takes over."""
    for cost in costs:
        yield cost
        if cost.handed_over_bytes:
            return


def _mapped(block: BlockTrace) -> tuple[Op, ...]:
    """The ops before the first that the chip does not take: that one and all after it are the host's."""
    return tuple(takewhile(lambda op: maps(op.kind, op.activation), block.ops))


def _block_cost(block: BlockTrace, c: Constants) -> _BlockCost:
    mapped = _mapped(block)
    rest = block.ops[len(mapped) :]
    compute = memory = 0.0
    for op in mapped:
        busy, waiting = _on_chip_ms(op, c)
        compute += busy
        memory += waiting
    sent = c.instruction_bytes_per_op * sum(map(instruction_ops, mapped)) / MIB
    instructions = c.bus_ms_per_mib * sent
    host = sum(_host_ms(op, c) for op in rest)
    reasons: dict[Why, float] = {"compute": compute, "memory": memory, "instructions": instructions, "host": host}
    return _BlockCost(
        compute,
        memory,
        instructions,
        host,
        sum(_host_ms(op, c) for op in block.ops),
        tuple(size for op in mapped if (size := layout.weight_bytes(op))),
        layout.peak_bytes(mapped, block.in_shape),
        math.prod(rest[0].in_shape) if rest else 0,
        max(reasons, key=reasons.__getitem__),
    )


def _packed(cost: _BlockCost, block: BlockTrace) -> _BlockCost:
    """The block with the weight bytes of the older uint8 models."""
    sizes = (layout.weight_bytes(op, per_channel=False) for op in _mapped(block))
    return replace(cost, weights=tuple(size for size in sizes if size))


def instruction_ops(op: Op) -> int:
    """How many ops of the deployed model this is: a reshape moves nothing, swish is a sigmoid and a product."""
    return 0 if op.kind == "reshape" else len(file_ops(op.kind, op.activation))


def _on_chip_ms(op: Op, c: Constants) -> tuple[float, float]:
    """Milliseconds (computing, reading memory); whichever hides the other is counted alone."""
    per_ms = 1000 * c.clock_mhz
    reading = c.on_chip_ms_per_mib * layout.weight_bytes(op) / MIB
    if op.kind in ("conv", "dense"):
        busy = c.conv_stretch * layout.conv_cycles(op) / per_ms
    elif op.kind == "depthwise_conv":
        busy = c.depthwise_cycles_per_row * layout.depthwise_rows(op) / per_ms
    else:
        passes = instruction_ops(op)
        return 0.0, reading + passes * layout.touched_elements(op) / c.elements_per_tile_cycle / per_ms
    return (busy, 0.0) if busy >= reading else (0.0, reading)


def _host_ms(op: Op, c: Constants) -> float:
    elements = 0 if op.macs or op.kind == "reshape" else math.prod(op.in_shape)
    return c.host_ms_per_gmac * op.macs / 1e9 + c.host_ms_per_million_elements * elements / 1e6


def _why(cost: _BlockCost, stream: float) -> Why:
    largest = max(cost.compute_ms, cost.memory_ms, cost.instructions_ms, cost.host_ms)
    return "streaming" if stream > largest else cost.why
