"""Whether a space holds anything that meets the limits, found out before any training."""

from nas.architecture import Architecture, Value
from nas.errors import InputError
from nas.search.facts import Facts, Limits, limit_text
from nas.search.quantities import QUANTITIES
from nas.search.space import Space


def require_feasible(space: Space, limits: Limits) -> None:
    """Passes as soon as one architecture meets all limits.

    Walks from the first architecture of the space towards lower cost, one choice at a time.
    Raises `InputError` that begins with what is limited, a device or a quantity, and tells the
    architecture of least cost found where that ends above the limit.
    """
    chosen = {name: values[0] for name, values in space.choices.items()}
    best = _assess(space, limits, chosen)
    improved = True
    while improved and not limits.met(best[1]):
        improved = False
        for name, values in space.choices.items():
            for value in values:
                attempt = {**chosen, name: value}
                candidate = _assess(space, limits, attempt)
                if candidate[0] < best[0]:
                    chosen, best, improved = attempt, candidate, True
    if not limits.met(best[1]):
        raise InputError(_message(limits, best[1], best[2]))


def _assess(space: Space, limits: Limits, chosen: dict[str, Value]) -> tuple[float, Facts, Architecture]:
    architecture = space.build(chosen)
    found = limits.facts(architecture, space.origin)
    return limits.excess(found), found, architecture


def _message(limits: Limits, found: Facts, architecture: Architecture) -> str:
    for device, reason in found.refused.items():
        return f"{device}: knows none of the architectures tried: {reason}"
    name = max(limits.most, key=lambda name: found.amount(name) / limits.most[name])
    amount, most = found.amount(name), limit_text(name, limits.most[name])
    least = f"smallest found has {amount:,.0f}" if name in QUANTITIES else f"fastest found takes {amount:.4g} ms"
    text = "; ".join(" ".join(line.split()) for line in architecture.text.splitlines())
    return f"{name}: found {most}, which no architecture of the space meets; the {least}: {text}"
