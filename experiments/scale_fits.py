"""Members that fit a budget, with how they came to be, or one line on what budgets are possible."""

from dataclasses import dataclass, field
from typing import Protocol

from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import Device
from nas.latency.on_chip import Weights
from scaling import Coefficients, Fit, Member, Rules, fit
from scaling.budget import ENOUGH
from scaling.tried import RANGE

UNITS = {"latency_ms": "ms", "params": "parameters", "macs": "MACs"}
MIB = 2**20


class Costs(Protocol):
    """What tells a network's costs by the names of `UNITS`, and where its weights are."""

    @property
    def device(self) -> Device:
        """Whose latency it is."""

    def costs(self, architecture: Architecture) -> dict[str, float]:
        """By the names of `UNITS`."""

    def weights(self, architecture: Architecture) -> Weights | None:
        """None where the device has no memory for them."""


@dataclass(frozen=True)
class Fitted:
    """A member with the budget that it was made for, the share of it that it uses, and a remark."""

    member: Member
    budget: dict[str, float] = field(default_factory=dict)
    used: float | None = None
    note: str = ""


def by_cost(baseline: Architecture, meter: Costs, member: Member, coefficients: Coefficients, rules: Rules) -> Fitted:
    """A member of no more MACs than `member`, in proportions that keep its weights on the chip."""
    kept = meter.weights(member.architecture)
    if kept is None or not kept.streamed:
        return Fitted(member, note="weights stay on the chip as it is")
    budget = {"macs": meter.costs(member.architecture)["macs"]}
    return by_budget(baseline, meter, budget, coefficients, rules, True, member.name)


def by_budget(
    baseline: Architecture,
    meter: Costs,
    budget: dict[str, float],
    coefficients: Coefficients,
    rules: Rules,
    respect_cache: bool,
    name: str = "",
) -> Fitted:
    """The largest member within the budget; raises `InputError` where none is, or any."""

    def used(architecture: Architecture) -> float:
        costs = meter.costs(architecture)
        shares = [costs[what] / limit for what, limit in budget.items()]
        return max([*shares, _overflow(meter.weights(architecture))] if respect_cache else shares)

    name = name or "-".join(_label(what, limit) for what, limit in budget.items())
    found = fit(baseline, used, name, coefficients, rules, keep_width=respect_cache)
    _require_possible(found, meter, budget)
    # Streaming counts against no budget: what is left shows the share of the budget itself.
    costs = meter.costs(found.member.architecture)
    share = max(costs[what] / limit for what, limit in budget.items())
    return Fitted(found.member, budget, share, _note(found, share, respect_cache))


def _overflow(kept: Weights | None) -> float:
    """0 where all weights stay, else above 1 and the more the more are streamed."""
    return 0.0 if kept is None or not kept.streamed else 1 + kept.streamed / max(kept.cached, MIB)


def _require_possible(found: Fit, meter: Costs, budget: dict[str, float]) -> None:
    costs = meter.costs(found.member.architecture)
    over = {what: costs[what] for what, limit in budget.items() if costs[what] > limit}
    asked = ", ".join(_said(what, limit) for what, limit in budget.items())
    where = f" on {meter.device.name}" if "latency_ms" in budget else ""
    if found.used > 1 and not over:
        kept = meter.weights(found.member.architecture)
        raise InputError(
            f"--respect-cache: every member streams weights on {meter.device.name}, the least "
            f"{kept.streamed / MIB if kept else 0:.3g} MiB; expected a smaller baseline"
        )
    if over:
        least = ", ".join(_said(what, cost) for what, cost in over.items())
        raise InputError(f"budget {asked}{where}: the smallest member takes {least}; expected at least that")
    if found.used < ENOUGH and found.phis.width >= RANGE[1]:
        most = ", ".join(_said(what, costs[what]) for what in budget)
        raise InputError(
            f"budget {asked}{where}: the largest sensible member (phi {RANGE[1]:g}) takes {most}; "
            "expected at most that, or a larger baseline"
        )


def _note(found: Fit, share: float, respect_cache: bool) -> str:
    phis = found.phis
    apart = f"phi of depth {phis.depth:.3g}, width {phis.width:.3g}, resolution {phis.resolution:.3g}"
    said = [f"in proportion, phi {phis.width:.3g}" if found.in_proportion else apart]
    if respect_cache:
        said.append("weights stay on the chip")
    if share < ENOUGH:
        said.append(f"the next {'that keeps them there ' if respect_cache else ''}exceeds the budget")
    return "; ".join(said)


def _label(what: str, limit: float) -> str:
    """A budget as a file may be named: 5ms, 5M-params, 400M-macs."""
    return f"{limit:.6g}ms" if what == "latency_ms" else f"{_short(limit)}-{what}"


def _said(what: str, amount: float) -> str:
    return f"{amount:.4g} ms" if what == "latency_ms" else f"{_short(amount)} {UNITS[what]}"


def _short(amount: float) -> str:
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= unit:
            return f"{amount / unit:.4g}{letter}"
    return f"{amount:.4g}"
