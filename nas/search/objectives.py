"""What a search is after: one or several numbers of a trained network, each to be large or small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nas.search.facts import Facts
from nas.search.quantities import ACCURACY, SCORES

# Tan et al., MnasNet (2019), section 4.1: by how much accuracy and latency are traded below and above the target.
SOFT = (-0.07, -0.07)
HARD = (0.0, -1.0)


class Objective(Protocol):
    """One number of a trained network."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Which values are better."""

    def value(self, facts: Facts, scores: Mapping[str, float]) -> float:
        """The number, from what is known without training and what was measured after it."""


@dataclass(frozen=True)
class Score:
    """An accuracy, 0 to 1, by its name in `SCORES`."""

    name: str = ACCURACY
    direction: Literal["maximize"] = "maximize"

    def value(self, facts: Facts, scores: Mapping[str, float]) -> float:  # noqa: ARG002
        """The accuracy; raises `KeyError` where it was not measured."""
        return scores[self.name]


@dataclass(frozen=True)
class Cost:
    """A latency in milliseconds by its device's name, or one of `QUANTITIES`."""

    name: str
    direction: Literal["minimize"] = "minimize"

    def value(self, facts: Facts, scores: Mapping[str, float]) -> float:  # noqa: ARG002
        """The amount; raises `KeyError` where the device was not asked."""
        return float(facts.amount(self.name))


@dataclass(frozen=True)
class Tradeoff:
    """Accuracy x (cost / target) ** w, of Tan et al., "MnasNet" (2019), equation 2.

    `exponents` are w where the cost is at most the target, and where it is above:
    `SOFT` trades a doubled cost for five per cent of accuracy, `HARD` punishes what is above alone.

    >>> Tradeoff("params", 100, HARD).value(Facts(200, 0, {}), {"accuracy": 0.8})
    0.4
    """

    cost: str
    target: float
    exponents: tuple[float, float] = SOFT
    score: str = ACCURACY
    direction: Literal["maximize"] = "maximize"

    @property
    def name(self) -> str:
        """Such as 'accuracy over edgetpu-usb'."""
        return f"{self.score} over {self.cost}"

    def value(self, facts: Facts, scores: Mapping[str, float]) -> float:
        """The accuracy, less what the cost takes of it."""
        share = facts.amount(self.cost) / self.target
        return float(scores[self.score] * share ** self.exponents[share > 1])


def oriented(objectives: Sequence[Objective], facts: Facts, scores: Mapping[str, float]) -> tuple[float, ...]:
    """The value of each objective, with its sign turned where it is to be small: all are to be large."""
    return tuple(
        value if one.direction == "maximize" else -value for one in objectives for value in (one.value(facts, scores),)
    )


def measured_scores(objectives: Sequence[Objective]) -> set[str]:
    """The accuracies that the objectives need of a trained network."""
    return {getattr(one, "score", one.name) for one in objectives} & set(SCORES)
