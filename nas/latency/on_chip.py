"""Which of a network's weights stay on the chip, and where in a family they no longer do."""

from collections.abc import Sequence
from typing import NamedTuple

from nas.latency.edgetpu import EdgeTPU
from nas.latency.latency import Device
from nas.ops import Trace


class Weights(NamedTuple):
    """Bytes of weights that are kept on the chip, and that cross the bus at every inference."""

    cached: int
    streamed: int


def weights(device: Device, trace: Trace) -> Weights | None:
    """Those of a network on a device, as int8; None where the device says nothing of them."""
    return Weights(*device.parameter_bytes(trace)) if isinstance(device, EdgeTPU) else None


def crossings(members: Sequence[Weights | None]) -> list[bool]:
    """Whether each is the first, after one whose weights all stay, that streams some: there latency jumps.

    >>> crossings([Weights(4, 0), Weights(7, 0), Weights(6, 3), Weights(5, 9)])
    [False, False, True, False]
    """
    streams = [bool(member and member.streamed) for member in members]
    return [now and not before for before, now in zip([True, *streams], streams, strict=False)]
