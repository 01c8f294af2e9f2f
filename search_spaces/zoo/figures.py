"""Figures of the zoo's networks: those that were published, and those counted from the traces.

Both are tables beside this file. `published.csv` is written by hand, with the source of every
figure and, where the count differs by more than rounding, the reason. `counted.csv` holds what
tracing gives, so that listing all networks traces none of them; `python -m search_spaces.zoo.figures`
writes it anew. A row of it holds for the architecture with its digest only: a network that has
changed since is traced.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from pathlib import Path

from nas.architecture import Architecture
from nas.files import write_text
from search_spaces.zoo import zoo, zoo_names

FOLDER = Path(__file__).parent
COUNTED = FOLDER / "counted.csv"


@dataclass(frozen=True)
class Published:
    """What was published of a network; None where nothing was. `macs_m` is in millions."""

    params: int | None
    macs_m: float | None
    source: str
    note: str


@dataclass(frozen=True)
class Counted:
    """What a network's trace counts: parameters, running statistics, multiply-accumulates."""

    params: int
    statistics: int
    macs: int


def published(name: str) -> Published | None:
    """The published figures of a network of the zoo."""
    row = _rows(FOLDER / "published.csv").get(name)
    if row is None:
        return None
    params, macs_m = row["params"], row["macs_m"]
    return Published(int(params) if params else None, float(macs_m) if macs_m else None, row["source"], row["note"])


def counted(name: str) -> Counted:
    """The counts of a network of the zoo, from the table where that is of this very network."""
    architecture = zoo(name)
    row = _rows(COUNTED).get(name)
    if row is None or row["digest"] != architecture.digest:
        return count(architecture, name)
    return Counted(*(int(row[field.name]) for field in fields(Counted)))


def count(architecture: Architecture, origin: str) -> Counted:
    """The counts from the network's trace."""
    from nas.trace import trace  # brings in JAX, which the tables spare

    traced = trace(architecture, origin)
    return Counted(traced.params, traced.statistics, traced.macs)


def table(names: Iterable[str]) -> str:
    """The text of `counted.csv` for these networks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "digest", *(field.name for field in fields(Counted))))
    writer.writerows((name, zoo(name).digest, *astuple(count(zoo(name), name))) for name in names)
    return text.getvalue()


@lru_cache(maxsize=2)
def _rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


if __name__ == "__main__":
    write_text(COUNTED, table(zoo_names()))
