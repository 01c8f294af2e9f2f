"""Whether a space holds anything that meets the limits, found out before any training."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import InputError
from nas.search.facts import Facts, Limits, limit_text
from nas.search.quantities import QUANTITIES
from nas.search.space import Space

DRAWN = 300  # combinations of choices that are looked at before a space is refused of which nothing is known


class _Attempt(NamedTuple):
    """An architecture, and how far it is from the limits.

    `cost` is how far it is from one that is not refused, then the largest share of a limit beyond it, then the
    multiply-accumulates: of two lines that need as much memory, one has to shrink before the other.
    """

    cost: tuple[float, float, int]
    chosen: Mapping[str, Value]
    facts: Facts
    architecture: Architecture


def require_feasible(space: Space, limits: Limits) -> None:
    """Passes as soon as one architecture meets all limits.

    Walks from the first architecture of the space towards lower cost, one choice at a time; where that
    ends at one that is refused, again from the best of some that are drawn. Raises `InputError` that
    begins with what is limited, a device or a quantity, and tells the architecture of least cost found
    where that ends above the limit.
    """
    first = {name: values[0] for name, values in space.choices.items()}
    best = _walk(space, limits, _attempt(space, limits, first))
    if best.facts.refused:
        best = _walk(space, limits, _least(space, limits, best, _draws(space)))
    if not limits.met(best.facts):
        raise InputError(_message(limits, best.facts, best.architecture))


def _walk(space: Space, limits: Limits, best: _Attempt) -> _Attempt:
    """Changes one choice after the other, as long as that lowers the cost."""
    begun = None
    while best is not begun:
        begun = best
        for name, values in space.choices.items():
            chosen = best.chosen
            best = _least(space, limits, best, ({**chosen, name: value} for value in values))
    return best


def _least(space: Space, limits: Limits, best: _Attempt, others: Iterable[Mapping[str, Value]]) -> _Attempt:
    """The one of least cost, or the first that meets all limits."""
    for chosen in others:
        if limits.met(best.facts):
            break
        attempt = _attempt(space, limits, chosen)
        if attempt.cost < best.cost:
            best = attempt
    return best


def _draws(space: Space) -> Iterator[Mapping[str, Value]]:
    """All combinations of choices where they are few, else some at random, the same ones each time."""
    alternatives = space.choices.values()
    if math.prod(map(len, alternatives)) <= DRAWN:
        for combination in product(*alternatives):
            yield dict(zip(space.choices, combination, strict=True))
        return
    generator = np.random.default_rng(0)
    for _ in range(DRAWN):
        yield {name: values[generator.integers(len(values))] for name, values in space.choices.items()}


def _attempt(space: Space, limits: Limits, chosen: Mapping[str, Value]) -> _Attempt:
    architecture = space.build(chosen)
    found = limits.facts(architecture, space.origin)
    beyond = max(limits.violations(found).values(), default=0.0)
    return _Attempt((found.out_of_reach, beyond, found.macs), chosen, found, architecture)


def _message(limits: Limits, found: Facts, architecture: Architecture) -> str:
    for device, reason in found.refused.items():
        return f"{device}: knows none of the architectures tried: {reason}"
    name = max(limits.most, key=lambda name: found.amount(name) / limits.most[name])
    amount, most = found.amount(name), limit_text(name, limits.most[name])
    least = f"smallest found has {amount:,.0f}" if name in QUANTITIES else f"fastest found takes {amount:.4g} ms"
    text = "; ".join(" ".join(line.split()) for line in architecture.text.splitlines())
    return f"{name}: found {most}, which no architecture of the space meets; the {least}: {text}"
