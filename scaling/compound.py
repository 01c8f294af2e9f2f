"""Compound scaling's formula: depth, width and resolution grow together (arXiv 1905.11946, equation 3).

The published EfficientNets B1 to B7 do not follow it with one phi: B7's depth is that of
phi = 6.2, its width that of 7.3 and its resolution that of 7.1. Their exact table stands
in `scaling.families`; the formula is for networks that have no table.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from nas.errors import InputError

Dimension = Literal["depth", "width", "resolution"]
DOUBLING = (1.8, 2.2)  # what one step of phi may multiply the MACs by; the paper's coefficients say 1.92
MOST_PHI = 20.0


@dataclass(frozen=True)
class Coefficients:
    """What one step of phi multiplies depth (alpha), width (beta) and resolution (gamma) by.

    The defaults are the paper's, found by its grid search for EfficientNet-B0.
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            if not 1 <= value <= 4:
                raise InputError(f"coefficients: {name} is {value}; expected 1 (this dimension stays) to 4")

    @property
    def growth(self) -> float:
        """alpha * beta^2 * gamma^2: roughly what one step of phi multiplies the MACs by."""
        return self.alpha * self.beta**2 * self.gamma**2

    def rate(self, dimensions: tuple[Dimension, ...]) -> float:
        """The logarithm of what one step of phi multiplies the MACs by where these dimensions alone follow it."""
        logs: dict[Dimension, float] = {
            "depth": math.log(self.alpha),
            "width": 2 * math.log(self.beta),
            "resolution": 2 * math.log(self.gamma),
        }
        return sum(logs[dimension] for dimension in dimensions)

    def require_doubling(self) -> None:
        """Raises `InputError` where a step of phi does not about double the MACs, as the formula asks for."""
        if not DOUBLING[0] <= self.growth <= DOUBLING[1]:
            raise InputError(
                f"coefficients: alpha * beta^2 * gamma^2 is {self.growth:.3g}; expected about 2, that is "
                f"{DOUBLING[0]} to {DOUBLING[1]}, as of 1.2, 1.1, 1.15"
            )


PAPER = Coefficients()

# One dimension by itself, as members are compared with.
ALONE: dict[Dimension, Coefficients] = {
    "width": Coefficients(1, 2**0.5, 1),
    "depth": Coefficients(2, 1, 1),
    "resolution": Coefficients(1, 1, 2**0.5),
}


@dataclass(frozen=True)
class Factors:
    """What a network's depth, width and resolution are multiplied by."""

    depth: float
    width: float
    resolution: float


@dataclass(frozen=True)
class Phis:
    """A phi for each dimension, equal in a member that follows the formula in all three."""

    depth: float
    width: float
    resolution: float

    def moved(self, dimensions: tuple[Dimension, ...], phi: float) -> "Phis":
        """These, with `phi` in some of the dimensions."""
        return replace(self, **dict.fromkeys(dimensions, phi))

    def factors(self, coefficients: Coefficients) -> Factors:
        """What the coefficients make of them."""
        return Factors(
            coefficients.alpha**self.depth, coefficients.beta**self.width, coefficients.gamma**self.resolution
        )


def compound(phi: float, coefficients: Coefficients = PAPER) -> Factors:
    """The factors for phi: alpha^phi, beta^phi, gamma^phi.

    Raises `InputError` for a phi that no network could follow.
    """
    if not -10 <= phi <= MOST_PHI:
        raise InputError(
            f"phi is {phi}; expected -10 to {MOST_PHI:g} (0 is the network itself, 1 about doubles its MACs)"
        )
    return Phis(phi, phi, phi).factors(coefficients)
