"""Where in a device file a value stands, and the checks that every kind of file shares."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.errors import InputError, one_line, unknown

LARGEST = 1e12  # no number of a device comes near
HEAD = ("format", "name", "kind", "title", "evidence")  # of every device file
REMARKS = ("note",)


@dataclass(frozen=True)
class Place:
    """A path into a device file, as messages begin: 'device file mine.json: constants.clock_mhz'."""

    path: str

    def at(self, key: str | int) -> "Place":
        """The value under `key` of the one here."""
        return Place(f"{self.path} {key}" if self.path.endswith(":") else f"{self.path}.{key}")

    def wrong(self, found: Any, right: str) -> InputError:
        """The error that what stands here is not `right`."""
        shown = json.dumps(found, default=str)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return InputError(f"{self.path.removesuffix(':')}: found {shown}; expected {right}")

    def check_keys(
        self, content: Any, keys: Sequence[str], optional: Sequence[str] = (), beside: Sequence[str] = ()
    ) -> None:
        """Refuses what is no object, has a key beyond those, or lacks one that is not `optional`.

        Those `beside` it, which `content` is without, are named too where a key is unknown.
        """
        known = tuple(dict.fromkeys((*keys, *optional)))
        if not isinstance(content, dict):
            raise self.wrong(content, f"an object with {', '.join(known)}")
        for key in content:
            if key not in known:
                raise InputError(
                    f"{self.path.removesuffix(':')}: {unknown('key', one_line(str(key)), (*beside, *known))}"
                )
        if missing := [key for key in keys if key not in content]:
            raise InputError(f"{self.path.removesuffix(':')}: has no {', '.join(missing)}; expected {', '.join(keys)}")

    def number(self, found: Any, positive: bool = False, most: float = LARGEST) -> float:
        """`found` where it is a number from 0 to `most`, and above 0 where it is to be `positive`."""
        usable = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= most
        if usable and (found > 0 or not positive):
            return float(found)
        raise self.wrong(found, f"{'a number above 0' if positive else 'a number, 0 or more'}, {most:g} at most")

    def whole(self, found: Any, least: int, most: int) -> int:
        """`found` where it is an integer from `least` to `most`."""
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        raise self.wrong(found, f"an integer from {least} to {most}")

    def line(self, found: Any) -> str:
        """`found` where it is one line of text."""
        if isinstance(found, str) and found.strip() and found.isprintable():
            return found
        raise self.wrong(found, "one line of text")

    def flag(self, found: Any) -> bool:
        """`found` where it is true or false."""
        if isinstance(found, bool):
            return found
        raise self.wrong(found, "true or false")

    def among(self, found: Any, values: Sequence[str]) -> str:
        """`found` where it is one of `values`."""
        if isinstance(found, str) and found in values:
            return found
        raise self.wrong(found, " or ".join(f'"{value}"' for value in values))
