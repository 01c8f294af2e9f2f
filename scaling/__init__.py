"""Compound scaling: from one network to a family of larger ones."""

from scaling.budget import Fit, fit
from scaling.compound import PAPER, Coefficients, Factors, Phis, compound
from scaling.families import Member, Published, Rules, compound_member, family, parse_members
from scaling.rounding import round_depth, round_resolution, round_width
from scaling.scale import scale
from scaling.sense import require_sense

__all__ = [
    "PAPER",
    "Coefficients",
    "Factors",
    "Fit",
    "Member",
    "Phis",
    "Published",
    "Rules",
    "compound",
    "compound_member",
    "family",
    "fit",
    "parse_members",
    "require_sense",
    "round_depth",
    "round_resolution",
    "round_width",
    "scale",
]
