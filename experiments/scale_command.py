"""What `nas scale` does: members by name, by phi, or to budgets, with what each costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.architectures import Named
from experiments.scale_fits import Fitted, by_budget, by_cost
from experiments.stages.winner import dump_yaml
from nas.architecture import Architecture
from nas.errors import InputError
from nas.files import write_text
from nas.latency import Device
from nas.latency.on_chip import Weights, crossings, weights
from nas.ops import Trace
from nas.trace import trace
from scaling import Coefficients, Member, Rules, compound_member, family, parse_members, require_sense

Row = dict[str, Any]


@dataclass(frozen=True)
class Meter:
    """Traces, latencies and weights on one device; every network is traced once."""

    origin: str
    device: Device
    known: dict[Architecture, Trace] = field(default_factory=dict)

    def trace(self, architecture: Architecture) -> Trace:
        """The architecture's trace."""
        if architecture not in self.known:
            self.known[architecture] = trace(architecture, f"{self.origin}, scaled")
        return self.known[architecture]

    def weights(self, architecture: Architecture) -> Weights | None:
        """Bytes that stay on the chip and that do not; None where the device has no such memory."""
        return weights(self.device, self.trace(architecture))

    def costs(self, architecture: Architecture) -> dict[str, float]:
        """What budgets are about: latency_ms, params, macs."""
        traced = self.trace(architecture)
        return {"latency_ms": self.device.latency(traced).ms, "params": traced.params, "macs": traced.macs}


@dataclass(frozen=True)
class Wanted:
    """Which members: of these exactly one is given. A budget limits one or more of `Meter.costs`."""

    names: str | None = None
    phis: Sequence[float] = ()
    budgets: Sequence[dict[str, float]] = ()


def scale_network(
    baseline: Named, device: Device, wanted: Wanted, coefficients: Coefficients, rules: Rules, respect_cache: bool
) -> Row:
    """The answer of `nas scale`; raises `InputError` where the network or the budget allows no member."""
    meter = Meter(baseline.origin, device)
    if respect_cache and meter.weights(baseline.architecture) is None:
        raise InputError(f"--respect-cache: {device.name} has no memory for weights that is known; expected an EdgeTPU")
    if wanted.names is not None:
        found = [Fitted(member) for member in family(baseline.architecture, parse_members(wanted.names), rules)]
    else:
        coefficients.require_doubling()
        found = _by_formula(baseline, meter, wanted, coefficients, rules, respect_cache)
    _require_sense(baseline, meter, [one.member for one in found])
    rows = [_row(one, meter) for one in found]
    return {
        "baseline": baseline.name,
        "device": device.name,
        "evidence": device.evidence,
        "members": _marked(rows, baseline.architecture, meter),
    }


def write_members(folder: Path, baseline: str, rows: Sequence[Row]) -> list[str]:
    """Writes a YAML file for each member, usable wherever an ARCH is; the files' names."""
    files = []
    for row in rows:
        file = folder / f"{row['name']}.yaml"
        write_text(file, dump_yaml({"name": f"{baseline}-{row['name']}", "architecture": row["architecture"]}))
        files.append(str(file))
    return files


def _by_formula(
    baseline: Named, meter: Meter, wanted: Wanted, coefficients: Coefficients, rules: Rules, respect_cache: bool
) -> list[Fitted]:
    architecture = baseline.architecture
    traced = meter.trace(architecture)
    require_sense(traced, baseline.origin, deeper=coefficients.alpha != 1, larger=coefficients.gamma != 1)
    members = [compound_member(architecture, phi, coefficients, rules) for phi in wanted.phis]
    if members and not respect_cache:
        return [Fitted(member) for member in members]
    if members:
        return [by_cost(architecture, meter, member, coefficients, rules) for member in members]
    return [by_budget(architecture, meter, budget, coefficients, rules, respect_cache) for budget in wanted.budgets]


def _require_sense(baseline: Named, meter: Meter, members: Sequence[Member]) -> None:
    larger = any(member.architecture.resolution != baseline.architecture.resolution for member in members)
    deeper = any(member.depth != 1 for member in members)
    require_sense(meter.trace(baseline.architecture), baseline.origin, deeper=deeper, larger=larger)


def _row(fitted: Fitted, meter: Meter) -> Row:
    member, costs = fitted.member, meter.costs(fitted.member.architecture)
    kept = meter.weights(member.architecture)
    return {
        "name": member.name,
        "phi": member.phi,
        "params": costs["params"],
        "macs": costs["macs"],
        "resolution": member.architecture.resolution,
        "width": member.width,
        "depth": member.depth,
        "latency_ms": {meter.device.name: costs["latency_ms"]},
        "weights": kept and kept._asdict(),
        "budget": fitted.budget,
        "used": fitted.used,
        "note": fitted.note,
        "architecture": member.architecture.text,
    }


def _marked(rows: list[Row], baseline: Architecture, meter: Meter) -> list[Row]:
    """The rows with `crosses_memory` on each that streams weights where the one before, or the baseline, does not."""
    before = meter.weights(baseline) if meter.trace(baseline).macs <= rows[0]["macs"] else None
    kept = [Weights(**row["weights"]) if row["weights"] else None for row in rows]
    marks = crossings([before, *kept])[1:] if before else crossings(kept)
    return [{**row, "crosses_memory": mark} for row, mark in zip(rows, marks, strict=True)]
