"""The largest member of a family that a budget allows.

Cost is no smooth function of phi: depths round up, widths to multiples, and an Edge TPU's
latency jumps where the weights no longer fit on the chip, to fall again where a wider
network needs fewer passes. So nothing is bisected: the search comes down from members that are
too large, by half of what the formula says is too much, and takes the first that fits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nas.architecture import Architecture
from nas.errors import InputError
from scaling.compound import PAPER, Coefficients, Dimension, Phis
from scaling.families import USUAL, Member, Rules, scaled_member
from scaling.scale import total_stride

RANGE = (-10.0, 10.0)  # of phi; with the paper's coefficients 1/680 to 680 times the baseline's MACs
STEP = 1 / 32  # of phi: 2 % of MACs
ENOUGH = 0.9  # a member that uses so much of its budget is left as the formula has it
ALL: tuple[Dimension, ...] = ("depth", "width", "resolution")

# In which dimensions a member may go on alone where the three together can not, and by how much phi.
GOING_ON: tuple[tuple[Dimension, ...], ...] = (("width", "resolution"), ("resolution",), ("width",), ("depth",))
REACH = 2.0
CACHED_GOING_ON: tuple[tuple[Dimension, ...], ...] = (("depth", "resolution"), ("resolution",), ("width",))
CACHED_REACH = 4.0

Used = Callable[[Architecture], float]  # the share of the budget that a network uses: 1 is all of it


@dataclass(frozen=True)
class Fit:
    """A member, the share of its budget that it uses, and the phi that each dimension has reached."""

    member: Member
    used: float
    phis: Phis

    @property
    def in_proportion(self) -> bool:
        """Whether all three dimensions have one phi."""
        return self.phis.depth == self.phis.width == self.phis.resolution


def fit(
    baseline: Architecture,
    used: Used,
    name: str,
    coefficients: Coefficients = PAPER,
    rules: Rules = USUAL,
    *,
    keep_width: bool = False,
) -> Fit:
    """The member of the largest phi within `RANGE` of which `used` is at most 1.

    Where that leaves more than a tenth of the budget, depth stays and width and resolution go
    on together, then single dimensions, each at most 2 phi further. With `keep_width` (for
    weights that must stay on the chip) it is width that stays, and the others go up to 4 further.
    Networks that cannot be built or costed do not fit.

    Where none fits the result is the one that comes nearest, of `used` above 1; where all fit,
    that of the largest phi. Raises `InputError` for a baseline that cannot be scaled, and for
    coefficients of which one step of phi does not about double the cost.
    """
    coefficients.require_doubling()
    search = _Search(baseline, used, name, coefficients, rules)
    search.build(Phis(1, 1, 1))  # says why not, where nothing can grow
    found = search.largest(Phis(0, 0, 0), ALL, RANGE[0], search.above())
    if found is None:
        return search.smallest()
    if found.phis.width >= RANGE[1]:
        return found
    for dimensions in CACHED_GOING_ON if keep_width else GOING_ON:
        if found.used >= ENOUGH or not coefficients.rate(dimensions):
            continue
        start = max(getattr(found.phis, dimension) for dimension in dimensions)
        reach = min(RANGE[1], start + (CACHED_REACH if keep_width else REACH))
        further = search.largest(found.phis, dimensions, start + STEP, reach)
        found = further if further and further.used > found.used else found
    return found


@dataclass
class _Search:
    """Members of one baseline by their phis, each distinct network costed once."""

    baseline: Architecture
    used: Used
    name: str
    coefficients: Coefficients
    rules: Rules
    known: dict[Architecture, float] = field(default_factory=dict)
    seen: list[Fit] = field(default_factory=list)

    def build(self, phis: Phis) -> Member:
        factors = phis.factors(self.coefficients)
        phi = phis.width if phis.width == phis.depth == phis.resolution else None
        stride, multiple = total_stride(self.baseline), self.rules.multiple
        return scaled_member(self.baseline, self.name, phi, factors, self.rules, -(-stride // multiple) * multiple)

    def at(self, phis: Phis) -> Fit:
        """The member there; it uses infinitely much where it cannot be built or costed."""
        try:
            member = self.build(phis)
            if member.architecture not in self.known:
                self.known[member.architecture] = self.used(member.architecture)
        except InputError:
            return Fit(Member(self.name, None, 1, 1, 1, self.baseline), math.inf, phis)
        self.seen.append(Fit(member, self.known[member.architecture], phis))
        return self.seen[-1]

    def above(self) -> float:
        """A phi whose member is clearly too large, or the largest of all."""
        phi = 0.0
        while phi < RANGE[1]:
            used = self.at(Phis(phi, phi, phi)).used
            if used > 1.3:  # not just a jump that the next member falls back from
                return phi
            phi = min(RANGE[1], _on_grid(phi + max(0.5, self._distance(1 / max(used, 1e-9), ALL))))
        return phi

    def largest(self, start: Phis, dimensions: tuple[Dimension, ...], low: float, high: float) -> Fit | None:
        """The first that fits on the way down from `high`, where these dimensions leave `start`."""
        phi, too_large = high, math.inf
        while (found := self.at(start.moved(dimensions, phi))).used > 1:
            if phi <= low:
                return None
            too_much = found.used if math.isfinite(found.used) else 1.2
            too_large, phi = phi, max(low, _on_grid(phi - max(STEP, self._distance(too_much, dimensions) / 2)))
        while too_large - phi > STEP and too_large < math.inf:  # what the last step has passed over
            between = _on_grid((phi + too_large) / 2)
            further = self.at(start.moved(dimensions, between))
            found, phi, too_large = (further, between, too_large) if further.used <= 1 else (found, phi, between)
        return found

    def smallest(self) -> Fit:
        if not self.seen:
            raise InputError("scaling: no member can be costed; expected a network within the device's reach")
        return min(self.seen, key=lambda fit: fit.used)

    def _distance(self, times: float, dimensions: tuple[Dimension, ...]) -> float:
        """How much phi makes a network of `times` the MACs."""
        return math.log(times) / self.coefficients.rate(dimensions)


def _on_grid(phi: float) -> float:
    """The next multiple of a step at or below `phi`."""
    return math.floor(phi / STEP) * STEP
