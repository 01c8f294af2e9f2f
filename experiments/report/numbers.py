"""Numbers as a reader wants them. What is not known, or is no number, reads as a dash."""

from collections.abc import Callable, Sequence
from functools import wraps
from math import floor, isfinite, log10

DASH = "\u2013"
MINUS = "\u2212"
SPACE = "\u00a0"  # keeps a number and its unit on one line
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def _or_dash(write: Callable[[float], str]) -> Callable[[float | None], str]:
    @wraps(write)
    def written(value: float | None) -> str:
        return write(value) if value is not None and isfinite(value) else DASH

    return written


@_or_dash
def percent(share: float) -> str:
    """A share of 0..1 in percent: 98.61 %."""
    return f"{100 * share:.2f}{SPACE}%"


@_or_dash
def points(change: float) -> str:
    """A change of a share in percentage points, with its sign: +0.28."""
    return f"{round(100 * change, 2) + 0:+.2f}".replace("-", MINUS)


@_or_dash
def count(number: float) -> str:
    """A whole number in full: 5,288,548."""
    return f"{number:,.0f}"


@_or_dash
def short(number: float) -> str:
    """A large number with a prefix: 5.29 M."""
    for size, prefix in PREFIXES:
        if abs(number) >= size:
            return f"{digits(number / size)}{SPACE}{prefix}"
    return digits(number)


@_or_dash
def tick_label(number: float) -> str:
    """A round number on an axis: 0.2, 5, 50 M."""
    size, prefix = next(((size, prefix) for size, prefix in PREFIXES if abs(number) >= size), (1.0, ""))
    return f"{plain(number / size)}{SPACE}{prefix}".rstrip()


@_or_dash
def digits(number: float) -> str:
    """A number with three significant digits, never as a power of ten: 0.0123, 12.3, 1,230."""
    if number == 0:
        return "0"
    places = 2 - floor(log10(abs(number)))
    return f"{round(number, places):,.{max(0, places)}f}".replace("-", MINUS)


@_or_dash
def tiny(number: float) -> str:
    """A difference that may be very small, with two significant digits: 0.013, 4.8e-07."""
    return f"{number:.2g}"


@_or_dash
def plain(number: float) -> str:
    """A number that somebody chose, as they would write it: 0.4, 2, 1.15."""
    return f"{number:.6g}"


@_or_dash
def milliseconds(number: float) -> str:
    """A time in ms, with its unit: 0.312 ms."""
    return f"{digits(number)}{SPACE}ms"


@_or_dash
def size(octets: float) -> str:
    """The size of a file: 123 kB, of 1000 bytes each."""
    return f"{digits(octets / 1000)}{SPACE}kB" if octets < 1e6 else f"{digits(octets / 1e6)}{SPACE}MB"


@_or_dash
def duration(seconds: float) -> str:
    """A stretch of time: 4.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours}{SPACE}h {left}{SPACE}min" if hours else f"{minutes}{SPACE}min {rest}{SPACE}s"


def shape(sides: Sequence[int]) -> str:
    """A tensor's shape: 16x16x24, with a multiplication sign."""
    return "\u00d7".join(map(str, sides)) or DASH
