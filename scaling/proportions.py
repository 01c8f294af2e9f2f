"""In which proportions depth, width and resolution may share twice the cost.

EfficientNet's grid search (arXiv 1905.11946, section 3.3) tries coefficients with
alpha * beta^2 * gamma^2 about 2. Here they are exactly that, and each is tried on the member
that really costs twice as much as the baseline: on hardware that is not bound by MACs, and
with depths and widths that round, twice the formula's MACs is not twice the cost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import InputError
from scaling.budget import in_proportion
from scaling.compound import Coefficients
from scaling.families import USUAL, Rules
from scaling.tried import Fit, Tried

TWICE = 2.0
NEAR = 1.15  # by what factor a member may miss twice the cost and still be compared with the others

Cost = Callable[[Architecture], float]


@dataclass(frozen=True)
class Proportion:
    """Coefficients, the member that has them at about twice the cost, and how many times the cost it has."""

    coefficients: Coefficients
    member: Architecture
    times: float


def grid(parts: int) -> list[Coefficients]:
    """Every way to give `parts` equal parts of the doubling to the three dimensions.

    >>> [(c.alpha, c.beta, c.gamma) for c in grid(1)]
    [(1.0, 1.0, 1.4142), (1.0, 1.4142, 1.0), (2.0, 1.0, 1.0)]
    """
    shares = [(a, b, parts - a - b) for a in range(parts + 1) for b in range(parts + 1 - a)]
    return [
        Coefficients(*(_root(share / parts, power) for share, power in zip(s, (1, 2, 2), strict=True))) for s in shares
    ]


def proportions(baseline: Architecture, cost: Cost, parts: int, rules: Rules = USUAL) -> list[Proportion]:
    """The grid's proportions that have a member of about twice the baseline's `cost`, each network once.

    Dimensions that the network cannot grow in have no part. Raises `InputError` where
    no proportion has such a member.
    """
    once = cost(baseline)
    found: dict[Architecture, Proportion] = {}
    for coefficients in grid(parts):
        nearest = _nearest(Tried(baseline, lambda a: cost(a) / (TWICE * once), "twice", coefficients, rules))
        if nearest and 1 / NEAR <= nearest.used <= NEAR:
            member = nearest.member.architecture
            found.setdefault(member, Proportion(coefficients, member, TWICE * nearest.used))
    if not found:
        raise InputError(
            "scaling: no proportion has a member of about twice the cost; expected a network of more or wider stages, "
            "or finer steps: --divisor 1, --depths nearest"
        )
    return list(found.values())


def _nearest(tried: Tried) -> Fit | None:
    """The member in proportion that comes nearest to the budget, above or below; None where none can be built."""
    try:
        in_proportion(tried)
    except InputError:  # nothing can grow in one of these dimensions
        return None
    return min(tried.seen, key=lambda fit: abs(math.log(fit.used)), default=None)


def _root(share: float, power: int) -> float:
    """What a dimension is multiplied by to multiply the MACs by 2^share."""
    return float(round(2 ** (share / power), 4))
