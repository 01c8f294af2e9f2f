"""Compound scaling: from one network to a family of larger ones."""

from scaling.budget import fit
from scaling.compound import ALONE, PAPER, Coefficients, Factors, Phis, compound
from scaling.families import Member, Published, Rules, compound_member, family, parse_members
from scaling.proportions import Proportion, proportions
from scaling.rounding import round_depth, round_resolution, round_width
from scaling.scale import scale
from scaling.sense import require_sense
from scaling.tried import Fit

__all__ = [
    "ALONE",
    "PAPER",
    "Coefficients",
    "Factors",
    "Fit",
    "Member",
    "Phis",
    "Proportion",
    "Published",
    "Rules",
    "compound",
    "compound_member",
    "family",
    "fit",
    "parse_members",
    "proportions",
    "require_sense",
    "round_depth",
    "round_resolution",
    "round_width",
    "scale",
]
