"""A strategy of search as data: its name, its options, and what it can do."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple
from zlib import crc32

from optuna.samplers import BaseSampler

from nas.architecture import Value

Ranges = dict[str, tuple[float, float]]
Words = dict[str, tuple[str, ...]]
Choices = Mapping[str, tuple[Value, ...]]


class Draw(NamedTuple):
    """What a sampler is to decide: a trial of a study with this seed, or one choice of the trial."""

    study: int
    number: int
    choice: str = ""

    @property
    def seed(self) -> int:
        """A seed of its own, the same in every process."""
        return (self.study * 1_000_003 + self.number + crc32(self.choice.encode())) % 2**32


@dataclass(frozen=True)
class Strategy(ABC):
    """One strategy with its options.

    `ranges` says what numbers may be, `words` what texts may be; `most_objectives` how many it can pursue;
    `exhaustive` that it repeats no combination of choices as long as there are others.
    """

    name: ClassVar[str]
    ranges: ClassVar[Ranges] = {}
    words: ClassVar[Words] = {}
    most_objectives: ClassVar[float] = math.inf
    exhaustive: ClassVar[bool] = False

    @abstractmethod
    def make(self, draw: Draw) -> BaseSampler:
        """An Optuna sampler for one trial; all that it learns it reads from the study."""

    def by_place(self, choices: Choices) -> frozenset[str]:  # noqa: ARG002
        """The choices that it is to see as places in a row, such as 0 to 2, rather than as names."""
        return frozenset()

    def lacks(self, choices: Choices) -> str:  # noqa: ARG002
        """Why it cannot search these choices here, empty where it can: "found X; expected Y"."""
        return ""


def ordered(choices: Choices) -> frozenset[str]:
    """The choices between several numbers, which have an order."""
    return frozenset(
        name
        for name, values in choices.items()
        if len(values) > 1 and not any(isinstance(value, str) for value in values)
    )
