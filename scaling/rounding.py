"""From scaled real numbers to the widths, depths and resolutions a network can have."""

import math
from typing import Literal

from nas.widths import round_width

__all__ = ["DepthRounding", "round_depth", "round_resolution", "round_width"]

DepthRounding = Literal["ceil", "nearest"]


def round_depth(repeats: int, factor: float, rounding: DepthRounding = "ceil") -> int:
    """`repeats * factor` blocks, rounded up or to the nearest (half-way up), at least 1.

    The product is first freed of floating-point dust: 100 * 1.1 is 110, not 111.

    >>> round_depth(3, 1.1), round_depth(3, 1.1, "nearest"), round_depth(100, 1.1)
    (4, 3, 110)
    """
    product = round(repeats * factor, 9)
    return max(1, math.ceil(product) if rounding == "ceil" else math.floor(product + 0.5))


def round_resolution(resolution: float, multiple: int = 2) -> int:
    """The multiple of `multiple` pixels nearest to `resolution` (half-way up), at least one.

    >>> round_resolution(32 * 240 / 224), round_resolution(240)
    (34, 240)
    """
    return max(1, math.floor(round(resolution / multiple, 9) + 0.5)) * multiple
