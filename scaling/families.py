"""Named members of families, by the published tables, and members by the formula.

The tables are (width, depth, resolution, dropout) as released with the papers: EfficientNet
(arXiv 1905.11946), its lite and EdgeTPU variants, EfficientNetV2's B0 to B3 (2104.00298).
They are not the formula with one phi each, so both stand here, apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.architecture import Architecture, Part
from nas.errors import InputError, unknown
from scaling.compound import PAPER, Coefficients, Factors, compound
from scaling.rounding import DepthRounding, round_resolution
from scaling.scale import scale


@dataclass(frozen=True)
class Published:
    """A row of a published table: factors on the baseline, pixels, and a dropout rate.

    `least` is the share of a width that rounding must leave, which V2 does not ask for.
    """

    width: float
    depth: float
    resolution: int
    dropout: float
    fixed_parts: tuple[Part, ...] = ()
    fixed_ends: bool = False
    least: float = 0.9


def _lite(width: float, depth: float, resolution: int, dropout: float) -> Published:
    return Published(width, depth, resolution, dropout, fixed_parts=("stem", "head"), fixed_ends=True)


def _v2(width: float, depth: float, resolution: int, dropout: float) -> Published:
    return Published(width, depth, resolution, dropout, least=0)


# The first member of each family is its baseline.
FAMILIES: dict[str, dict[str, Published]] = {
    "efficientnet": {
        "b0": Published(1.0, 1.0, 224, 0.2),
        "b1": Published(1.0, 1.1, 240, 0.2),
        "b2": Published(1.1, 1.2, 260, 0.3),
        "b3": Published(1.2, 1.4, 300, 0.3),
        "b4": Published(1.4, 1.8, 380, 0.4),
        "b5": Published(1.6, 2.2, 456, 0.4),
        "b6": Published(1.8, 2.6, 528, 0.5),
        "b7": Published(2.0, 3.1, 600, 0.5),
        "b8": Published(2.2, 3.6, 672, 0.5),
        "l2": Published(4.3, 5.3, 800, 0.5),
    },
    "efficientnet-lite": {
        "lite0": _lite(1.0, 1.0, 224, 0.2),
        "lite1": _lite(1.0, 1.1, 240, 0.2),
        "lite2": _lite(1.1, 1.2, 260, 0.3),
        "lite3": _lite(1.2, 1.4, 280, 0.3),
        "lite4": _lite(1.4, 1.8, 300, 0.3),
    },
    "efficientnet-edgetpu": {
        "edgetpu-s": Published(1.0, 1.0, 224, 0.2),
        "edgetpu-m": Published(1.0, 1.1, 240, 0.2),
        "edgetpu-l": Published(1.2, 1.4, 300, 0.3),
    },
    "efficientnet-v2": {
        "v2-b0": _v2(1.0, 1.0, 224, 0.2),
        "v2-b1": _v2(1.0, 1.1, 240, 0.2),
        "v2-b2": _v2(1.1, 1.2, 260, 0.3),
        "v2-b3": _v2(1.2, 1.4, 300, 0.3),
    },
}
MEMBERS = {name: (table, row) for table in FAMILIES.values() for name, row in table.items()}


@dataclass(frozen=True)
class Rules:
    """How a member's real numbers become a network's, and what does not scale.

    The resolution is rounded to a multiple of `multiple` pixels; the rest is as in `scale`.
    """

    divisor: int | None = None
    multiple: int = 2
    rounding: DepthRounding = "ceil"
    fixed_parts: tuple[Part, ...] = ()
    fixed_ends: bool = False


USUAL = Rules()


@dataclass(frozen=True)
class Member:
    """A scaled network: its name, the factors on the baseline it came from, and itself.

    `phi` is None where the factors are a published table's and not the formula's.
    """

    name: str
    phi: float | None
    width: float
    depth: float
    resolution: float
    architecture: Architecture


def family(baseline: Architecture, names: Sequence[str], rules: Rules = USUAL) -> list[Member]:
    """The named members of `baseline`'s family, by the published proportions.

    Widths and depths are multiplied as published; the resolution by the published ratio to
    the table's first, to a multiple of the rules' (the published one where the baseline has
    the first's, and the multiple is 2). What a table keeps fixed stays so beside what the
    rules fix. Dropout grows by as much as in the table, where the baseline has any.
    Raises `InputError` for unknown names and networks that cannot be scaled.
    """
    return [_published_member(baseline, name, rules) for name in names]


def compound_member(
    baseline: Architecture, phi: float, coefficients: Coefficients = PAPER, rules: Rules = USUAL
) -> Member:
    """`baseline` scaled by the formula: alpha^phi deeper, beta^phi wider, gamma^phi larger pictures."""
    return scaled_member(baseline, f"phi{phi:g}", phi, compound(phi, coefficients), rules)


def scaled_member(
    baseline: Architecture, name: str, phi: float | None, factors: Factors, rules: Rules, least_pixels: int = 0
) -> Member:
    """`baseline` scaled by any factors; its resolution rounds to no fewer pixels than `least_pixels`."""
    scaled = scale(
        baseline,
        factors.width,
        factors.depth,
        max(least_pixels, _pixels(baseline, factors.resolution, rules.multiple)),
        divisor=rules.divisor,
        rounding=rules.rounding,
        fixed_parts=rules.fixed_parts,
        fixed_ends=rules.fixed_ends,
    )
    return Member(name, phi, factors.width, factors.depth, factors.resolution, scaled)


def parse_members(text: str) -> list[str]:
    """Names of members from text: "b0..b7", "lite0,lite2", "edgetpu-s..edgetpu-l", or a mixture.

    Raises `InputError` for a name that no table has, and a range that is none.
    """
    names: list[str] = []
    for item in (item.strip() for item in text.split(",")):
        first, dots, last = item.partition("..")
        names += _range(first.strip(), last.strip(), item) if dots else [_known(item)]
    return list(dict.fromkeys(names))


def _known(name: str) -> str:
    if name not in MEMBERS:
        raise InputError(f"scaling: {unknown('member', name, MEMBERS)}")
    return name


def _range(first: str, last: str, item: str) -> list[str]:
    table, _ = MEMBERS[_known(first)]
    order = list(table)
    if _known(last) not in table or order.index(last) < order.index(first):
        raise InputError(f"scaling: '{item}' is no range of one family; expected as in 'b0..b7' or 'lite0..lite4'")
    return order[order.index(first) : order.index(last) + 1]


def _published_member(baseline: Architecture, name: str, rules: Rules) -> Member:
    table, row = MEMBERS[_known(name)]
    first = next(iter(table.values()))
    factor = row.resolution / first.resolution
    scaled = scale(
        baseline,
        row.width,
        row.depth,
        _pixels(baseline, factor, rules.multiple),
        divisor=rules.divisor,
        least=row.least,
        rounding=rules.rounding,
        fixed_parts=row.fixed_parts + rules.fixed_parts,
        fixed_ends=row.fixed_ends or rules.fixed_ends,
        dropout=row.dropout - first.dropout,
    )
    return Member(name, None, row.width, row.depth, factor, scaled)


def _pixels(baseline: Architecture, factor: float, multiple: int) -> int:
    """The baseline's resolution times `factor`; untouched at 1, odd as it may be."""
    return baseline.resolution if factor == 1 else round_resolution(baseline.resolution * factor, multiple)
