"""Compound scaling's formula: depth, width and resolution grow together (arXiv 1905.11946, equation 3).

The published EfficientNets B1 to B7 do not follow it with one phi: B7's depth is that of
phi = 6.2, its width that of 7.3 and its resolution that of 7.1. Their exact table stands
in `scaling.families`; the formula is for networks that have no table.
"""

from dataclasses import dataclass

from nas.errors import InputError


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


PAPER = Coefficients()


@dataclass(frozen=True)
class Factors:
    """What a network's depth, width and resolution are multiplied by."""

    depth: float
    width: float
    resolution: float


def compound(phi: float, coefficients: Coefficients = PAPER) -> Factors:
    """The factors for phi: alpha^phi, beta^phi, gamma^phi.

    Raises `InputError` for a phi that no network could follow.
    """
    if not -10 <= phi <= 20:
        raise InputError(f"phi is {phi}; expected -10 to 20 (0 is the network itself, 1 about doubles its MACs)")
    return Factors(coefficients.alpha**phi, coefficients.beta**phi, coefficients.gamma**phi)
