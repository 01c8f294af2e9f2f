"""A proposed architecture on its way through the steps of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nas.architecture import Architecture
from nas.search.facts import Facts
from nas.search.record import Outcome
from nas.search.trainer import Ended


@dataclass
class Candidate:
    """What the steps so far have found out about trial `number`."""

    number: int
    architecture: Architecture
    facts: Facts | None = None
    violations: Mapping[str, float] = field(default_factory=dict)  # beyond each limit; at most 0 where it is met
    zero_cost: dict[str, float] = field(default_factory=dict)
    ended: Ended | None = None
    kept: bool = False  # in the study


class Verdict(NamedTuple):
    """How a trial ends: nothing more is done with it."""

    outcome: Outcome
    reason: str = ""
    duplicate_of: int | None = None
    scores: Mapping[str, float] = {}  # accuracies, 0 to 1, by their names; of what was trained alone


class Waiting(NamedTuple):
    """A trial cannot go on before the training of trial `number`, its own or another's, has ended."""

    number: int
