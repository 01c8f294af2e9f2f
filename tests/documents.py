"""The documents of docs/, and what their tables say of settings."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def read(name: str) -> str:
    """The text of a document."""
    return (DOCS / name).read_text()


def rows(text: str) -> list[list[str]]:
    """The cells of all lines of all tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def defaults(text: str) -> dict[str, str]:
    """Settings in the first column of a table, and what the second says that they are by default.

    A line of several settings has as many defaults with commas between, or one for all.
    """
    found: dict[str, str] = {}
    for names, default, *_ in rows(text):
        keys = re.findall(r"`([\w.]+)`", names)
        several = default.split(", ") if len(keys) > 1 else [default]
        values = several if len(several) == len(keys) else [default] * len(keys)
        found |= {key: value.strip("`") for key, value in zip(keys, values, strict=True)}
    return found
