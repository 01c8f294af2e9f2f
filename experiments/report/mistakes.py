"""The mistakes that a network makes most often."""

from collections.abc import Iterator
from typing import NamedTuple

from experiments.report.metrics import Evaluation

SHOWN = 8


class Mistake(NamedTuple):
    """Pictures of class `name` that are answered with `answer`: how many, and what share of the class (0 to 1)."""

    name: str
    answer: str
    pictures: int
    share: float


def most_frequent(evaluation: Evaluation | None) -> tuple[Mistake, ...]:
    """The mistakes made with most pictures, most first."""
    found = sorted(_mistakes(evaluation), key=lambda mistake: -mistake.pictures) if evaluation else []
    return tuple(found[:SHOWN])


def _mistakes(evaluation: Evaluation) -> Iterator[Mistake]:
    names = [each.name for each in evaluation.classes]
    for i, row in enumerate(evaluation.confusion):
        for j, pictures in enumerate(row):
            if pictures and i != j:
                yield Mistake(names[i], names[j], pictures, pictures / sum(row))
