"""Whether a trial is worth training on, judged from what it and the others reached so far.

Optuna's own pruners refuse studies of several objectives. These rules take points of any
number of values, all to be large, and count by how many others a point is dominated
(Fonseca and Fleming, 1993); for a single value that is its rank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log
from typing import Protocol
from zlib import crc32

from nas.search.pareto import dominates

Point = Sequence[float]


class Rungs(Protocol):
    """A rule that ends trainings early."""

    def stops(self, epoch: int, number: int, point: Point, others: Mapping[int, Point]) -> str:
        """Why trial `number`, which is at `point` after `epoch` epochs, is not trained on, or "".

        `others` are the points that other trials reached after as many, by number.
        """


def beaten_by(point: Point, others: Sequence[Point]) -> int:
    """How many of the others dominate the point."""
    return sum(dominates(other, point) for other in others)


@dataclass(frozen=True)
class Halving:
    """Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020).

    After `first` epochs, and `factor` times as many, and so on below `last`, one in `factor` of
    the trials that came so far is trained on; of fewer trials the best.
    """

    last: int
    first: int = 1
    factor: int = 3

    def stops(self, epoch: int, number: int, point: Point, others: Mapping[int, Point]) -> str:  # noqa: ARG002
        """Looks at a rung alone."""
        if epoch not in rungs(self.first, self.factor, self.last):
            return ""
        return _among_best(point, list(others.values()), self.factor, f"after epoch {epoch}")


@dataclass(frozen=True)
class Hyperband:
    """Several halvings beside each other, which begin later and later (Li et al., "Hyperband", 2018).

    Each trial belongs to one by its number, and is compared with those of the same alone.
    """

    last: int
    first: int = 1
    factor: int = 3

    @property
    def brackets(self) -> int:
        """How many there are; the last has the fewest rungs."""
        return floor(log(max(1, self.last / self.first), self.factor) + 1e-9) + 1

    def bracket(self, number: int) -> int:
        """The halving that a trial belongs to, each in proportion to its rungs."""
        shares = [self.brackets - index for index in range(self.brackets)]
        place = crc32(str(number).encode()) % sum(shares)
        return next(index for index in range(self.brackets) if place < sum(shares[: index + 1]))

    def stops(self, epoch: int, number: int, point: Point, others: Mapping[int, Point]) -> str:
        """Looks at a rung of the trial's own halving alone."""
        mine = self.bracket(number)
        if epoch not in rungs(self.first * self.factor**mine, self.factor, self.last):
            return ""
        same = [other for n, other in others.items() if self.bracket(n) == mine]
        return _among_best(point, same, self.factor, f"after epoch {epoch} in bracket {mine + 1} of {self.brackets}")


@dataclass(frozen=True)
class Median:
    """Ends what more than half of the others beat after as many epochs (Golovin et al., "Google Vizier", 2017).

    Not before `first` epochs, nor while fewer than `trials` others came so far.
    """

    last: int
    first: int = 1
    trials: int = 4

    def stops(self, epoch: int, number: int, point: Point, others: Mapping[int, Point]) -> str:  # noqa: ARG002
        """Looks at every epoch but the last."""
        if not self.first <= epoch < self.last or len(others) < self.trials:
            return ""
        better = beaten_by(point, list(others.values()))
        if better * 2 <= len(others):
            return ""
        return f"after epoch {epoch} beaten by {better} of {len(others)} other trials, more than half"


def rungs(first: int, factor: int, last: int) -> list[int]:
    """The epochs after which a halving decides.

    >>> rungs(1, 3, 10)
    [1, 3, 9]
    """
    found: list[int] = []
    while first < last:
        found.append(first)
        first *= factor
    return found


def _among_best(point: Point, others: Sequence[Point], factor: int, when: str) -> str:
    places = max(1, (len(others) + 1) // factor)
    better = beaten_by(point, others)
    if better < places:
        return ""
    return f"{when} beaten by {better} of {len(others)} other trials; {places} may train on"
