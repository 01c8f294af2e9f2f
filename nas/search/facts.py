"""What is known of an architecture before any training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import Device, OutOfReach
from nas.memory import FORMATS, memory
from nas.search.quantities import QUANTITIES
from nas.trace import trace

BLOCKS = "blocks"  # what refuses a network that cannot be built
INT8 = next(numbers for numbers in FORMATS if numbers.name == "int8")


@dataclass(frozen=True)
class Facts:
    """Parameters, multiply-accumulates, and milliseconds on each device that was asked, by its name.

    `refused` tells by device why it gives no milliseconds, and by `BLOCKS` why there is no such
    network; `out_of_reach` how far it is from one that none refuses, as `OutOfReach` does. `bytes`
    are those of the weights and `peak_memory` the most bytes of activations alive at once, both in int8.
    """

    params: int
    macs: int
    latency_ms: dict[str, float]
    refused: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    peak_memory: int = 0
    out_of_reach: float = 0.0

    def amount(self, name: str) -> float:
        """One of `QUANTITIES`, or milliseconds by the device's name; raises `KeyError` for a device not asked."""
        return float(getattr(self, name)) if name in QUANTITIES else self.latency_ms[name]


@dataclass(frozen=True)
class Limits:
    """Devices that are asked, and the most that an architecture may cost.

    `milliseconds` limits devices by their names, `quantities` those of `QUANTITIES`; what
    is in neither is unlimited.
    """

    devices: tuple[Device, ...]
    milliseconds: Mapping[str, float]
    quantities: Mapping[str, float] = field(default_factory=dict)

    @property
    def predicted(self) -> "Limits":
        """The limits on all but devices that run something, and so answer at once."""
        devices = tuple(device for device in self.devices if device.evidence != "measured")
        names = {device.name for device in devices}
        return replace(self, devices=devices, milliseconds={n: ms for n, ms in self.milliseconds.items() if n in names})

    @property
    def most(self) -> dict[str, float]:
        """All limits by name."""
        return {**self.milliseconds, **self.quantities}

    def facts(self, architecture: Architecture, origin: str = "architecture") -> Facts:
        """What the devices say; those that measure are asked only where the others' limits are met.

        Raises `InputError` where a device cannot measure.
        """
        found = facts(architecture, self.predicted.devices, origin)
        measuring = tuple(device for device in self.devices if device.evidence == "measured")
        if not measuring or not self.met(found):
            return found
        measured = facts(architecture, measuring, origin)
        return replace(found, latency_ms={**found.latency_ms, **measured.latency_ms})

    def violations(self, facts: Facts) -> dict[str, float]:
        """By what is limited and known, the share of the limit beyond it: at most 0 where it is met.

        Shares of milliseconds and of parameters may be added, as samplers do. A device that
        refuses counts as one that takes twice its limit.
        """
        found = {
            name: (facts.amount(name) - most) / most
            for name, most in self.most.items()
            if name in QUANTITIES or name in facts.latency_ms
        }
        return found | dict.fromkeys(facts.refused, 1.0)

    def met(self, facts: Facts) -> bool:
        """Whether no limit is exceeded."""
        return all(excess <= 0 for excess in self.violations(facts).values())

    def broken(self, facts: Facts) -> str:
        """Which limits are exceeded and by how much, in words."""
        over = [
            f"{amount_text(name, facts.amount(name))} over the limit of {limit_text(name, self.most[name])}"
            for name, excess in self.violations(facts).items()
            if excess > 0 and name not in facts.refused
        ]
        return ", ".join([*over, *facts.refused.values()])


def amount_text(name: str, amount: float) -> str:
    """An amount with its unit and what it is of."""
    return f"{amount:,.0f} {name}" if name in QUANTITIES else f"{amount:.4g} ms on {name}"


def limit_text(name: str, most: float) -> str:
    """A limit with its unit."""
    return f"{most:,.10g}" if name in QUANTITIES else f"{most:g} ms"


def facts(architecture: Architecture, devices: tuple[Device, ...], origin: str = "architecture") -> Facts:
    """Traces the architecture and asks each device; milliseconds are of one picture.

    What no blocks can be made of, though each choice is possible beside some others, is refused by `BLOCKS`
    with the reason, which begins with `origin`.
    """
    try:
        traced = trace(architecture, origin)
    except InputError as error:
        return Facts(0, 0, {}, {BLOCKS: str(error)}, out_of_reach=math.inf)
    deployed = memory(traced, INT8)
    found = Facts(traced.params, traced.macs, {}, bytes=deployed.weights, peak_memory=deployed.peak)
    out_of_reach = 0.0
    for device in devices:
        try:
            found.latency_ms[device.name] = device.latency(traced).ms
        except OutOfReach as error:
            found.refused[device.name] = str(error)
            out_of_reach += error.by
    return replace(found, out_of_reach=out_of_reach)
