"""How well fitted predictors do on measurements of others, and on networks whose milliseconds are computed.

The 15,625 cells of NAS-Bench-201 come with published latencies of two devices. What is fitted to a few is
compared with all the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from latency_cells import DEVICES, Array, Cells, Rows, agreed, alike, twins
from latency_tables import percent, table
from sklearn.linear_model import Ridge

from nas.architecture import Architecture
from nas.blocks.nasbench201 import OPERATIONS
from nas.latency import load_device
from nas.latency.fit import Report, fit, fit_line, score
from nas.latency.fitted import fit_device
from nas.trace import trace
from search_spaces import SearchSpace, load_space
from search_spaces.cover import covering

SAMPLES = {100: 10, 900: 10}  # measurements fitted on: how often, each time with other ones
MANY = 13_000  # measurements, to see where more of them no longer help
ALIKE = 40  # cells of the same ops, from which a number is known that most of them agree with

TITLE = """\
# Latency predicted from measurements of other networks

Written by `python benchmarks/latency.py` ({made_with}). **No latency here was measured by this project.**
All predictions come from the function that `nas calibrate` fits with; it chooses its settings by
cross-validation within what it was given, and nothing in it knows of these devices. How far a network reaches in
telling what is commonest was tried on other draws of these cells.

"""

CELLS_TEXT = """\
## NAS-Bench-201

Published milliseconds of the cells of NAS-Bench-201, `raspi4_ms` measured and `fpga_ms` modelled by their
publishers. Fitted to a few cells and compared with all others of the {cells} in which a path joins input and
output. Means over seeds, in brackets the worst seed.

"""

NOISE_TEXT = """
### What the data's own noise allows

Two cells compute the very same, with the same ops, where the inner nodes have changed places and no edge joins
them. How far apart their published milliseconds are is noise to any predictor. Cells of the same ops in any
order are many more: of those with {alike} or more alike, one half tells the number that most are within 10 % of, and
the other half judges it. Then this predictor's line alone, fitted to nearly all cells. On `raspi4_ms` small
cells of the same ops have two speeds, some 4.5 ms apart, and cells that compute the same share one in 59 % of
pairs, where chance gives 54 %; but how often it is the slower one depends on the ops. There a number that most
measurements nearby agree with is right more often than a mean.

"""

COMPUTED_TEXT = """
## Networks whose milliseconds are computed

Fitted to what a device computes for {samples} networks that cover the space `edge-tiny`, compared with {others} others
at random: the form of the predictor can say what the Edge TPU's model says.

"""

Predict = Callable[[Rows, Rows, Array, int], Array]  # (rows seen, rows left, ms seen, seed) to ms


def one_hot(cells: Cells) -> Array:
    """Which operation is on which edge, (N, 30) of 0 and 1."""
    return np.eye(len(OPERATIONS))[cells.operations].reshape(len(cells.operations), -1)


def ridge(cells: Cells) -> Predict:
    """The baseline: ridge regression on `one_hot`."""
    x = one_hot(cells)
    return lambda seen, left, ms, _: Ridge().fit(x[seen], ms).predict(x[left])


def predictor(cells: Cells) -> Predict:
    """What `nas calibrate` fits."""

    def predict(seen: Rows, left: Rows, ms: Array, seed: int) -> Array:
        fitted, _ = fit(cells.columns, cells.features[seen], ms, seed)
        return fitted.milliseconds(cells.features[left])

    return predict


def at_random(cells: Cells, count: int, seed: int) -> Rows:
    return np.random.default_rng(seed).permutation(cells.joined)[:count]


def that_cover(cells: Cells, count: int, seed: int) -> Rows:
    """As `nas calibrate` chooses them; of those without a path from input to output, the next is taken."""
    chosen = [cells.row_of(a) for a in covering(load_space("nasbench201"), count + count // 5 + 10, seed)]
    joined = set(cells.joined.tolist())
    return np.array([row for row in chosen if row in joined][:count])


@dataclass(frozen=True)
class Result:
    """One method's scores on all cells that it was not fitted on, one for each seed."""

    device: str
    samples: int
    method: str
    scores: tuple[Report, ...]


def results(cells: Cells, samples: dict[int, int], said: Callable[[str], None] = print) -> Iterator[Result]:
    """Every method on every device, with each number of samples so many times."""
    methods = (
        ("ridge on one-hot edges, cells at random", ridge(cells), at_random),
        ("this predictor, cells at random", predictor(cells), at_random),
        ("this predictor, cells that cover the space", predictor(cells), that_cover),
    )
    for device in DEVICES:
        for count, seeds in samples.items():
            for name, predict, choose in methods:
                said(f"{device}: {count} cells, {name}")
                scores = [_score(cells, device, predict, choose(cells, count, seed), seed) for seed in range(seeds)]
                yield Result(device, count, name, tuple(scores))


def _score(cells: Cells, device: str, predict: Predict, seen: Rows, seed: int) -> Report:
    left = np.setdiff1d(cells.joined, seen)
    ms = cells.milliseconds[device]
    return score(predict(seen, left, ms[seen], seed), ms[left])


def cells_section(cells: Cells, found: Sequence[Result]) -> str:
    """The Markdown of the comparison, and of what the data's own noise allows."""
    lines = []
    for r in found:
        ranks, within = [s.spearman for s in r.scores], [s.within_10 for s in r.scores]
        lines.append(
            [
                r.device,
                str(r.samples),
                r.method,
                str(len(r.scores)),
                f"{np.mean(ranks):.3f} ({min(ranks):.3f})",
                f"{np.mean([s.kendall for s in r.scores]):.3f}",
                percent(float(np.mean([s.within_5 for s in r.scores]))),
                f"{percent(float(np.mean(within)))} ({percent(min(within))})",
                percent(float(np.mean([s.median for s in r.scores]))),
                percent(float(np.mean([s.rmspe for s in r.scores]))),
            ]
        )
    head = ["device", "samples", "method", "seeds", "Spearman", "Kendall", "within 5 %", "within 10 %", "median error"]
    return CELLS_TEXT.format(cells=len(cells.joined)) + table([*head, "RMSPE"], lines)


def noise_section(cells: Cells, many: int) -> str:
    """The Markdown of what cells that compute the same say of each other, and of what more measurements bring."""
    first, second = twins(cells)
    lines = []
    for device in DEVICES:
        ms = cells.milliseconds[device]
        apart = np.abs(ms[second] / ms[first] - 1)
        few = int(min(many, len(cells.joined) * 0.85))
        best = _score(cells, device, _line_alone(cells), at_random(cells, few, 0), 0)
        count, right = _told_by_half(cells, ms)
        facts = [percent(float(np.median(apart))), percent(float((apart <= 0.1).mean())), str(count), percent(right)]
        lines.append([device, str(len(first)), *facts, str(few), percent(best.within_10), f"{best.spearman:.3f}"])
    head = ["device", "pairs", "median apart", "within 10 % of each other", "cells alike", "told by half of them"]
    return NOISE_TEXT.format(alike=ALIKE) + table([*head, "line fitted to", "within 10 %", "Spearman"], lines)


def _told_by_half(cells: Cells, ms: Array) -> tuple[int, float]:
    """How many cells have many others of the same ops, and the share right by a number that half of them tell."""
    groups, generator = alike(cells, ALIKE), np.random.default_rng(0)
    right = 0
    for rows in groups:
        halves = np.array_split(generator.permutation(rows), 2)
        for told, judged in (halves, halves[::-1]):
            right += int((np.abs(agreed(ms[told]) / ms[judged] - 1) <= 0.1).sum())
    count = sum(map(len, groups))
    return count, right / max(1, count)


def _line_alone(cells: Cells) -> Predict:
    """The predictor without a correction, whose curves around so many cells would take hours."""

    def predict(seen: Rows, left: Rows, ms: Array, seed: int) -> Array:
        del seed
        fitted = fit_line(cells.columns, cells.features[seen], ms)
        return fitted.milliseconds(cells.features[left])

    return predict


def computed_section(samples: int = 150, others: int = 100) -> str:
    """The Markdown of predictors fitted to the analytical devices."""
    space = load_space("edge-tiny")
    seen = covering(space, samples)
    left = _others(space, {a.digest for a in seen}, others)
    lines = []
    for name in ("edgetpu-usb", "edgetpu-pcie", "edgetpu-usb2"):
        device = load_device(name)
        fitted = fit_device(name, name, [trace(a) for a in seen], [device.latency(trace(a)).ms for a in seen])
        s = score(*(np.array([d.latency(trace(a)).ms for a in left]) for d in (fitted, device)))
        shares = [percent(value) for value in (s.median, s.worst, s.within_5, s.rmspe)]
        lines.append([name, *shares, f"{s.spearman:.3f}", f"{s.kendall:.3f}"])
    head = ["device", "median error", "worst", "within 5 %", "RMSPE", "Spearman", "Kendall"]
    return COMPUTED_TEXT.format(samples=samples, others=others) + table(head, lines)


def _others(space: SearchSpace, seen: set[str], count: int) -> list[Architecture]:
    generator = np.random.default_rng(1)
    found: dict[str, Architecture] = {}
    while len(found) < count:
        drawn = {name: values[generator.integers(len(values))] for name, values in space.choices.items()}
        architecture = space.build(drawn)
        if architecture.digest not in seen:
            found[architecture.digest] = architecture
    return list(found.values())
