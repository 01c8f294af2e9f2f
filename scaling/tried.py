"""Members of one baseline by their phis, each with the share of a budget that it uses."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nas.architecture import Architecture
from nas.errors import InputError
from scaling.compound import Coefficients, Dimension, Phis
from scaling.families import Member, Rules, scaled_member
from scaling.scale import total_stride

RANGE = (-10.0, 10.0)  # of phi; with the paper's coefficients 1/680 to 680 times the baseline's MACs
STEP = 1 / 32  # of phi: 2 % of MACs

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


@dataclass
class Tried:
    """What has been tried of one baseline; each distinct network is costed once."""

    baseline: Architecture
    used: Used
    name: str
    coefficients: Coefficients
    rules: Rules
    known: dict[Architecture, float] = field(default_factory=dict)
    seen: list[Fit] = field(default_factory=list)

    def build(self, phis: Phis) -> Member:
        """The member there. Raises `InputError` where there is none."""
        factors = phis.factors(self.coefficients)
        phi = phis.width if phis.width == phis.depth == phis.resolution else None
        stride, multiple = total_stride(self.baseline), self.rules.multiple
        return scaled_member(self.baseline, self.name, phi, factors, self.rules, -(-stride // multiple) * multiple)

    def at(self, phis: Phis) -> Fit:
        """The member there with what it uses; infinitely much where it cannot be built or costed."""
        try:
            member = self.build(phis)
            if member.architecture not in self.known:
                self.known[member.architecture] = self.used(member.architecture)
        except InputError:
            return Fit(Member(self.name, None, 1, 1, 1, self.baseline), math.inf, phis)
        self.seen.append(Fit(member, self.known[member.architecture], phis))
        return self.seen[-1]

    def smallest(self) -> Fit:
        """Of all that were tried the one that uses least."""
        if not self.seen:
            raise InputError("scaling: no member can be costed; expected a network within the device's reach")
        return min(self.seen, key=lambda fit: fit.used)

    def levels(self, start: Phis, dimension: Dimension, reach: float) -> list[float]:
        """A phi of `dimension` for each distinct network within `reach` of `start`, the nearest first."""
        own: float = getattr(start, dimension)
        levels: dict[Architecture, float] = {}
        offsets = sorted((i * STEP for i in range(-round(reach / STEP), round(reach / STEP) + 1)), key=abs)
        for phi in (own + offset for offset in offsets):
            if not RANGE[0] <= phi <= RANGE[1]:
                continue
            try:
                levels.setdefault(self.build(start.moved((dimension,), phi)).architecture, phi)
            except InputError:
                continue
        return list(levels.values())


def on_grid(phi: float) -> float:
    """The next multiple of a step at or below `phi`."""
    return math.floor(phi / STEP) * STEP
