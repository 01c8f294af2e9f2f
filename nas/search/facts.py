"""What is known of an architecture before any training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nas.architecture import Architecture
from nas.latency import Device, OutOfReach
from nas.trace import trace


@dataclass(frozen=True)
class Facts:
    """Parameters, multiply-accumulates, and milliseconds on each device that was asked, by its name.

    `refused` tells by device why it gives no milliseconds.
    """

    params: int
    macs: int
    latency_ms: dict[str, float]
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Devices and the milliseconds an architecture may take on each."""

    devices: tuple[Device, ...]
    milliseconds: Mapping[str, float]

    @property
    def predicted(self) -> "Limits":
        """The limits on devices that run nothing, and so answer at once."""
        devices = tuple(device for device in self.devices if device.evidence != "measured")
        return Limits(devices, {device.name: self.milliseconds[device.name] for device in devices})

    def facts(self, architecture: Architecture, origin: str = "architecture") -> Facts:
        """What the devices say; those that measure are asked only where the others' limits are met.

        Raises `InputError` as `facts` does, and where a device cannot measure.
        """
        found = facts(architecture, self.predicted.devices, origin)
        measuring = tuple(device for device in self.devices if device.evidence == "measured")
        if not measuring or not self.met(found):
            return found
        measured = facts(architecture, measuring, origin)
        return replace(found, latency_ms={**found.latency_ms, **measured.latency_ms})

    def violations(self, facts: Facts) -> dict[str, float]:
        """By device that was asked, the milliseconds beyond its limit: at most 0 where it is met.

        A device that refuses counts as one that takes twice its limit.
        """
        found = {device: ms - self.milliseconds[device] for device, ms in facts.latency_ms.items()}
        return found | {device: self.milliseconds[device] for device in facts.refused}

    def met(self, facts: Facts) -> bool:
        """Whether no limit is exceeded."""
        return all(excess <= 0 for excess in self.violations(facts).values())

    def excess(self, facts: Facts) -> float:
        """The largest latency as a share of its limit: at most 1 where all are met, infinite where one is refused."""
        if facts.refused:
            return math.inf
        return max((facts.latency_ms[device] / limit for device, limit in self.milliseconds.items()), default=0.0)


def facts(architecture: Architecture, devices: tuple[Device, ...], origin: str = "architecture") -> Facts:
    """Traces the architecture and asks each device; milliseconds are of one picture.

    Raises `InputError` that begins with `origin` for a line that no block can be made of.
    """
    traced = trace(architecture, origin)
    found = Facts(traced.params, traced.macs, {})
    for device in devices:
        try:
            found.latency_ms[device.name] = device.latency(traced).ms
        except OutOfReach as error:
            found.refused[device.name] = str(error)
    return found
