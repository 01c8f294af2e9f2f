"""Numbers of channels that hardware likes."""


def round_width(width: float, divisor: int = 8, least: float = 0.9) -> int:
    """The multiple of `divisor` nearest to `width`, at least `divisor` and at least `least * width`.

    As the published MobileNets and EfficientNets round (arXiv 1905.11946's released
    code): half-way goes up, and a width that would lose more than a tenth goes up too.

    >>> round_width(38.4), round_width(35.2), round_width(11.2)
    (40, 32, 16)
    """
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded if rounded >= least * width else rounded + divisor
