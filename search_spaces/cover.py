"""Architectures that cover a space: what a device is measured on, so that a fit has seen all of it.

Of networks drawn at random some are much alike while some alternatives hardly appear. Here each is
chosen so that those chosen up to it stand for all of the space as closely as they can (kernel
herding, arXiv 1203.3472), in what their lines say and in how often each option stands in the whole
network. Networks chosen as far apart as possible were tried: they are the odd ones out, and
predictors fitted to them were worse than those fitted to random ones.
"""

import math
from collections.abc import Callable, Iterator
from itertools import islice, product

import numpy as np

from nas.architecture import Architecture, Value
from nas.errors import InputError
from search_spaces.space import SearchSpace

POOL = 12  # candidates for each that is chosen
LEAST_POOL, MOST_POOL = 256, 4000
REACH = 0.5  # squared, within which networks stand for each other, as a share of the usual squared distance
DRAWS = 20  # for each candidate, before a space is taken to hold no more


def covering(
    space: SearchSpace, count: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> tuple[Architecture, ...]:
    """`count` distinct architectures of the space, chosen to cover it; the same for the same seed.

    Any first part of them covers the space nearly as well as so few can. `progress` is told how
    many steps of how many are done. Raises `InputError` where the space holds fewer than `count`.
    """
    wanted = max(min(max(POOL * count, LEAST_POOL), MOST_POOL), count)
    pool: list[Architecture] = []
    for architecture in islice(_distinct(space, wanted, seed), wanted):
        pool.append(architecture)
        if progress is not None:
            progress(len(pool), min(wanted, space.size) + count)
    if count > len(pool):
        raise InputError(f"{space.origin}: holds {len(pool)} distinct architectures; expected at least {count}")
    chosen = []
    for index in _herded(_points(pool), count):
        chosen.append(pool[index])
        if progress is not None:
            progress(len(pool) + len(chosen), len(pool) + count)
    return tuple(chosen)


def _distinct(space: SearchSpace, wanted: int, seed: int) -> Iterator[Architecture]:
    seen: set[Architecture] = set()
    for chosen in _drawn(space, wanted, seed):
        architecture = space.build(chosen)
        if architecture not in seen:
            seen.add(architecture)
            yield architecture


def _drawn(space: SearchSpace, wanted: int, seed: int) -> Iterator[dict[str, Value]]:
    """All combinations where there are few; else rounds in which every value is drawn equally often."""
    names, values = list(space.choices), list(space.choices.values())
    if space.size <= wanted:
        yield from (dict(zip(names, combination, strict=True)) for combination in product(*values))
        return
    generator = np.random.default_rng(seed)
    each = math.lcm(*map(len, values))
    each = each if each <= 64 else 64  # a round; with more, evenness within it is no longer exact
    for _ in range(DRAWS * wanted // each + 1):
        columns = [generator.permutation([v[i % len(v)] for i in range(each)]) for v in map(_indices, values)]
        for row in zip(*columns, strict=True):
            yield {name: v[int(i)] for name, v, i in zip(names, values, row, strict=True)}


def _indices(values: tuple[Value, ...]) -> list[int]:
    return list(range(len(values)))


def _points(pool: list[Architecture]) -> np.ndarray:
    """(N, D + E): what the lines of each architecture say, and how often it stands in the whole network."""
    places = [_facts(architecture) for architecture in pool]
    columns = sorted({fact for facts in places for fact in facts})
    index = {fact: column for column, fact in enumerate(columns)}
    said = np.zeros((len(pool), len(columns)))
    for row, facts in enumerate(places):
        for fact, repeats in facts.items():
            said[row, index[fact]] = repeats
    options = sorted(set(map(_option, columns)))
    totals = np.stack([said[:, [_option(fact) == option for fact in columns]].sum(1) for option in options], 1)
    return np.hstack([_alike(np.minimum(said, 1)), _alike(totals)])


def _facts(architecture: Architecture) -> dict[tuple[int, str, str], int]:
    """What stands in each line, with how often the line repeats."""
    facts = {(0, "input", str(architecture.resolution)): 1}
    for number, layer in enumerate(architecture.layers, start=1):
        facts[number, "block", layer.block] = layer.repeats
        facts[number, "repeats", str(layer.repeats)] = 1
        for name, value in layer.options:
            facts[number, name, str(value)] = layer.repeats
    return facts


def _option(fact: tuple[int, str, str]) -> tuple[str, str]:
    """What a fact says wherever it stands; a word says the same in another option, as on another edge of a cell."""
    _, name, value = fact
    return (name, value) if value[0].isdigit() else ("", value)


def _alike(columns: np.ndarray) -> np.ndarray:
    """Those of the columns that vary, from 0 to 1, and together counting the same however many they are."""
    varying = columns[:, columns.std(0) > 0]
    if not varying.size:
        return varying
    low, high = varying.min(0), varying.max(0)
    scaled: np.ndarray = (varying - low) / (high - low) / math.sqrt(varying.shape[1])
    return scaled


def _herded(points: np.ndarray, count: int) -> Iterator[int]:
    """`count` rows, each the one that brings the mean of the kernel over those chosen nearest to that over all."""
    squares = (points**2).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)
    usual = float(np.median(distances)) or 1.0
    kernel = np.exp(-distances / (2 * REACH * usual))
    wanted, had = kernel.mean(1), np.zeros(len(points))
    free = np.zeros(len(points))  # minus infinity where a row is chosen
    for taken in range(count):
        index = int(np.argmax(wanted - had / (taken + 1) + free))
        free[index] = -np.inf
        had += kernel[index]
        yield index
