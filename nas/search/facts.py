"""What is known of an architecture before any training."""

from collections.abc import Mapping
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.latency import Device
from nas.trace import trace


@dataclass(frozen=True)
class Facts:
    """Parameters, multiply-accumulates, and milliseconds on each device by its name."""

    params: int
    macs: int
    latency_ms: dict[str, float]


@dataclass(frozen=True)
class Limits:
    """Devices and the milliseconds an architecture may take on each."""

    devices: tuple[Device, ...]
    milliseconds: Mapping[str, float]

    def violations(self, facts: Facts) -> dict[str, float]:
        """By device, the milliseconds beyond its limit: at most 0 where it is met."""
        return {device: facts.latency_ms[device] - limit for device, limit in self.milliseconds.items()}

    def met(self, facts: Facts) -> bool:
        """Whether no limit is exceeded."""
        return all(excess <= 0 for excess in self.violations(facts).values())

    def excess(self, facts: Facts) -> float:
        """The largest latency as a share of its limit: at most 1 where all are met."""
        return max((facts.latency_ms[device] / limit for device, limit in self.milliseconds.items()), default=0.0)


def facts(architecture: Architecture, devices: tuple[Device, ...], origin: str = "architecture") -> Facts:
    """Traces the architecture and asks each device; milliseconds are of one picture.

    Raises `InputError` that begins with `origin` for a line that no block can be made of.
    """
    traced = trace(architecture, origin)
    return Facts(traced.params, traced.macs, {device.name: device.latency(traced).ms for device in devices})
