"""Strategies against random search at equal cost: searches replayed on a table of trained networks.

    python benchmarks/search_replay.py [--replays 50] [--limit MS] [--processes N] [--strategies "tpe" "local" ...]

Reads `results/search_table.csv`, which `search_table.py` trained, and runs the project's own search with a
look-up in place of each training. A proposal beyond the latency limit costs nothing, as in any search. One
that the table does not hold (its rows are drawn at random from the space) counts as a training that failed:
it costs nothing, and samplers learn nothing from it. A strategy that moves from neighbour to neighbour so
loses more by a gap than one that draws at random. Writes `results/search_replay.csv`, `.md` and `.svg`.
"""

import argparse
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

import numpy as np
import optuna
from experiment import markdown
from machine import header
from search_replay_picture import Line, picture
from search_table import DEVICE, EXPERIMENT, MACHINE, distinct, read_table

from experiments.schema import load_experiment
from nas.architecture import Architecture
from nas.files import write_text
from nas.latency import find_device
from nas.search.budget import Budget
from nas.search.facts import Limits
from nas.search.in_process import InProcess
from nas.search.judging import Judging
from nas.search.ledger import Ledger
from nas.search.objectives import Score
from nas.search.recorder import Recorder
from nas.search.search import Search
from nas.search.steps import Deduplicate, LookUp, Train, WithinLimits
from nas.search.trainer import Ended, Judge
from search_spaces import SearchSpace

RESULTS = Path(__file__).parent / "results"
EVALUATIONS = (10, 20, 40, 80)
PLAIN = "random, no steps"
STRATEGIES = (
    PLAIN,
    "random",
    "tpe",
    "evolution",
    "evolution population=10",
    "nsga-ii",
    "nsga-ii population_size=10",
    "cma-es",
    "qmc",
    "grid",
    "controller",
    "local",
)
PACKAGES = ("edgescale", "optuna", "numpy")
RESAMPLES = 2000  # of the replays, for the bands

Table = Mapping[str, tuple[float, float]]  # by digest, accuracy (0 to 1) and milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=50)
    parser.add_argument("--limit", type=float, help="milliseconds (default: what half of the table meets)")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES)
    arguments = parser.parse_args()
    table = read_accuracies()
    limit = arguments.limit or float(np.median([ms for _, ms in table.values()]))
    curves: dict[str, list[list[float]]] = {}
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        for strategy in arguments.strategies:
            curves[strategy] = list(pool.map(partial(replay, strategy, limit), range(arguments.replays)))
            print(strategy, *(f"{mean(at(curves[strategy], n)):.4f}" for n in EVALUATIONS), flush=True)
    write_text(RESULTS / "search_replay.csv", as_csv(curves))
    write_text(RESULTS / "search_replay.md", report(curves, table, limit))
    best = max(accuracy for accuracy, ms in table.values() if ms <= limit)
    write_text(RESULTS / "search_replay.svg", picture([line(name, found) for name, found in curves.items()], best))


@cache
def read_accuracies() -> Table:
    """The table, read once a process."""
    return {row["digest"]: (float(row["accuracy"]), float(row["latency_ms"])) for row in read_table()}


@cache
def read_space() -> SearchSpace:
    """The space that the table is of."""
    return load_experiment(EXPERIMENT).search_space()


def replay(strategy: str, limit: float, seed: int) -> list[float]:
    """The best accuracy within the limit after 1, 2, ... 80 evaluations, 0 as long as there is none."""
    found = plain(limit, seed) if strategy == PLAIN else list(searched(strategy, limit, seed))
    best = list(np.maximum.accumulate(found)) if found else [0.0]
    return [float(value) for value in (best + best[-1:] * EVALUATIONS[-1])[: EVALUATIONS[-1]]]


def plain(limit: float, seed: int) -> list[float]:
    """Random search that trains whatever it draws."""
    space, table, generator = read_space(), read_accuracies(), np.random.default_rng(seed)
    combinations = list(product(*space.choices.values()))
    found: list[float] = []
    while len(found) < EVALUATIONS[-1]:
        drawn = combinations[generator.integers(len(combinations))]
        digest = space.build(dict(zip(space.choices, drawn, strict=True))).digest
        if digest in table:
            accuracy, ms = table[digest]
            found.append(accuracy if ms <= limit else 0.0)
    return found


def searched(strategy: str, limit: float, seed: int) -> Iterator[float]:
    """The accuracies of what a search trains, in order, until it has the best there is."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, table = read_space(), read_accuracies()
    within = [accuracy for accuracy, ms in table.values() if ms <= limit]

    def look_up(number: int, architecture: Architecture, _judge: Judge) -> Ended:
        accuracy, _ = table.get(architecture.digest, (None, None))
        return Ended(number, accuracy, "" if accuracy is not None else "not in the table")

    study = optuna.create_study(direction="maximize")
    objectives, limits, trainer, ledger = (
        [Score()],
        Limits((find_device(DEVICE),), {DEVICE: limit}),
        InProcess(look_up),
        Ledger([]),
    )
    steps = [
        Deduplicate(ledger),
        LookUp(limits),
        WithinLimits(limits),
        Train(trainer, Judging(study, objectives, None)),
    ]
    search = Search(
        study,
        space,
        steps,
        Recorder(study, objectives),
        Budget(1_000_000, min(EVALUATIONS[-1], len(within))),
        trainer,
        strategy,
        ledger,
        seed,
    )
    for record in search.run():
        if record.outcome == "trained" and record.accuracy is not None:
            yield record.accuracy
            if record.accuracy >= max(within):
                return


def at(curves: Sequence[Sequence[float]], evaluations: int) -> list[float]:
    """Each replay's best after so many evaluations."""
    return [curve[evaluations - 1] for curve in curves]


def band(values: Sequence[float]) -> tuple[float, float]:
    """Where the mean lies with 95 % confidence, by the bootstrap."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values)))
    low, high = np.percentile(drawn.mean(1), (2.5, 97.5))
    return float(low), float(high)


def line(name: str, curves: Sequence[Sequence[float]]) -> Line:
    """A strategy's mean and band after every evaluation."""
    places = range(1, EVALUATIONS[-1] + 1)
    return Line(name, [mean(at(curves, n)) for n in places], [band(at(curves, n)) for n in places])


def report(curves: Mapping[str, Sequence[Sequence[float]]], table: Table, limit: float) -> str:
    """The results as Markdown."""
    within = sorted((accuracy for accuracy, ms in table.values() if ms <= limit), reverse=True)
    replays = len(next(iter(curves.values())))
    size = sum(1 for _ in distinct(read_space()))
    about = [
        *header(PACKAGES),
        ("table", f"{len(table)} of {size} networks; trained on {json.loads(MACHINE.read_text())['machine']}"),
        ("limit", f"{limit:.4f} ms on {DEVICE} (estimate), which {len(within)} of them meet"),
        ("best within it", f"{within[0]:.2%}; the tenth best {within[min(9, len(within) - 1)]:.2%}"),
        ("replays", f"{replays} of each strategy, seeds 0 to {replays - 1}"),
    ]
    targets = {name: mean(at(curves[name], EVALUATIONS[-1])) for name in (PLAIN, "random") if name in curves}
    columns = ("strategy", *(f"after {n}" for n in EVALUATIONS), *(f"to {t:.2%}" for t in targets.values()))
    rows = [
        (name, *(cell(at(found, n)) for n in EVALUATIONS), *(reached(found, t) for t in targets.values()))
        for name, found in curves.items()
    ]
    return "\n\n".join(
        [
            "# Strategies at equal cost, replayed",
            markdown(("", ""), about),
            "The mean of the best accuracy on the validation split within the limit, after so many trainings, and "
            f"where it lies with 95 % confidence. `{PLAIN}` trains what it draws, the same network again or one "
            "beyond the limit too; all others run as in any search here: what was seen or breaks the limit is not "
            f"trained. The last columns: how many trainings the mean needs to be what {' and '.join(targets)} "
            f"reached with {EVALUATIONS[-1]}.",
            "The table's networks were drawn at random from the space. A proposal that it does not hold counts as a "
            "training that failed: it costs nothing, and samplers learn nothing from it.",
            markdown(columns, rows),
            "![The same as a picture](search_replay.svg)",
        ]
    ) + "\n"  # fmt: skip


def cell(values: Sequence[float]) -> str:
    """Mean and band."""
    low, high = band(values)
    return f"{mean(values):.2%} ({low:.2%} to {high:.2%})"


def reached(curves: Sequence[Sequence[float]], target: float) -> str:
    """After how many evaluations the mean is at the target."""
    means = [mean(at(curves, n)) for n in range(1, EVALUATIONS[-1] + 1)]
    return next((str(n) for n, value in enumerate(means, start=1) if value >= target), f"over {EVALUATIONS[-1]}")


def as_csv(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """One row a replay."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("strategy", "seed", *(f"after_{n}" for n in EVALUATIONS)))
    for name, found in curves.items():
        writer.writerows(
            (name, seed, *(f"{curve[n - 1]:.4f}" for n in EVALUATIONS)) for seed, curve in enumerate(found)
        )
    return text.getvalue()


if __name__ == "__main__":
    main()
