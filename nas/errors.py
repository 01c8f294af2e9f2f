"""The one exception for input that cannot be used."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMED = 20  # names that a message lists
LONGEST = 80  # characters of what was found that a message repeats


class InputError(ValueError):
    """Input from outside is wrong: where, what was found, what would be right.

    The message is one line that a user can act on. The command line prints it
    without a traceback and exits with code 2.
    """


def one_line(text: str) -> str:
    """The text with what would break the line, or steer a terminal, written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(found: str) -> str:
    """What was found as messages repeat it: a word that a file got by mistake may be all of another file."""
    return found if len(found) <= LONGEST else f"{found[:LONGEST]}..."


def unknown(what: str, found: str, known: Iterable[str]) -> str:
    """A one-line message for a name that does not exist, with the nearest that does.

    >>> unknown("block", "mbcon", ["conv", "mbconv"])
    "unknown block 'mbcon'; did you mean 'mbconv'? Known: conv, mbconv"
    """
    names = sorted(known)
    near = get_close_matches(found, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    more = f", ... ({len(names)} in all)" if len(names) > MOST_NAMED else ""
    return f"unknown {what} '{shortened(found)}'{hint} Known: {', '.join(names[:MOST_NAMED])}{more}"
