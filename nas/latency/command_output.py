"""The one number in what a command prints, as milliseconds."""

import math
import re

from nas.errors import InputError, one_line

_PREFIXES = {"": 1e3, "m": 1.0, "milli": 1.0, "u": 1e-3, "\u03bc": 1e-3, "micro": 1e-3, "n": 1e-6, "nano": 1e-6}
_SECONDS = ("s", "sec", "secs", "second", "seconds")
# Milliseconds by a unit's casefolded spelling, which has one sign for micro where there are two.
UNITS = {prefix + second: ms for prefix, ms in _PREFIXES.items() for second in _SECONDS}
_OTHERS = (
    *("min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "d", "day", "days"),
    *("hz", "khz", "mhz", "ghz", "fps", "kb", "mb", "gb"),
)
LONGEST = 200  # characters of an output that a message repeats
MOST_MS = 1e7  # nearly three hours

# A number that stands by itself: not the 1 of "v1", of "10:32" or of "a-1", nor a part of "1.2.3".
_NUMBER = re.compile(r"(?<![\w.:/-])([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\d.:/-])[ \t]*([^\W\d_]*)")


def milliseconds(output: str, unit: str = "ms", pattern: "re.Pattern[str] | None" = None) -> float:
    """The number that a command printed, in ms; `unit` is the one of a number that says none.

    Without a pattern the output is to hold one number, beside any words. With one, the first group
    of its last match counts. Raises `InputError` for no number, for several, and for one that
    no latency can be.
    """
    if pattern is None:
        return _only(output, unit)
    if not (matches := list(pattern.finditer(output))):
        raise InputError(f"prints nothing that matches '{pattern.pattern}'; it printed {tail(output)}")
    return _only(matches[-1][1] or "", unit)


def tail(output: str) -> str:
    """The end of an output in quotes, on one line; 'nothing' where there is none."""
    text = one_line(" | ".join(line.strip() for line in output.splitlines() if line.strip()))
    if not text:
        return "nothing"
    return f"'{text}'" if len(text) <= LONGEST else f"'...{text[-LONGEST:]}'"


def _only(text: str, unit: str) -> float:
    found = _NUMBER.findall(text)
    if not found:
        raise InputError(f"prints no number; expected milliseconds, and it printed {tail(text)}")
    if len(found) > 1:
        raise InputError(
            f"prints {len(found)} numbers; expected one, or a pattern in the device's file that finds it, and it "
            f"printed {tail(text)}"
        )
    number, word = found[0]
    if word.casefold() in _OTHERS:
        raise InputError(f"prints '{number} {word}'; expected milliseconds (ms), us or s")
    value = float(number) * UNITS.get(word.casefold(), UNITS[unit])
    if not math.isfinite(value) or not 0 < value <= MOST_MS:
        raise InputError(f"prints {number} {word or unit}; expected milliseconds above 0, {MOST_MS:.0f} at most")
    return value
