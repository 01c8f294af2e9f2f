"""Compound scaling: from one network to a family of larger ones."""

from scaling.compound import PAPER, Coefficients, Factors, compound
from scaling.families import Member, Published, compound_member, family, parse_members
from scaling.rounding import round_depth, round_resolution, round_width
from scaling.scale import scale

__all__ = [
    "PAPER",
    "Coefficients",
    "Factors",
    "Member",
    "Published",
    "compound",
    "compound_member",
    "family",
    "parse_members",
    "round_depth",
    "round_resolution",
    "round_width",
    "scale",
]
