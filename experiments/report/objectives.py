"""The front of a search of several objectives, as front.csv lists it."""

from dataclasses import dataclass
from pathlib import Path

from experiments.answers import read_front


@dataclass(frozen=True)
class Member:
    """A trial on the front; `values` are those of the objectives, in their order."""

    number: int
    digest: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class ObjectiveFront:
    """The trials that no other beats in all objectives."""

    names: tuple[str, ...]
    members: tuple[Member, ...]


def read_objective_front(folder: Path, objectives: int) -> ObjectiveFront | None:
    """The front of a run folder, or None where there is one objective alone, or no front yet.

    Raises `InputError` where the file is not what a run writes.
    """
    if objectives < 2 or not (folder / "front.csv").is_file():
        return None
    found = read_front(folder)
    names = tuple(found["objectives"])
    members = (Member(row["trial"], row["digest"], tuple(row["values"][n] for n in names)) for row in found["front"])
    return ObjectiveFront(names, tuple(members))
