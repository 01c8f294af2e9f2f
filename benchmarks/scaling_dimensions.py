"""Compound scaling against single dimensions on CIFAR-10: accuracy at about 2, 4 and 8 times the MACs.

    python benchmarks/scaling_dimensions.py --data-dir FOLDER --found 1.3,1,1.25

FOLDER is where tensorflow-datasets has cifar10 prepared. The baseline was found by the search in
`scaling_baseline.yaml`; it is scaled by width, by depth, by resolution alone, and by all three with
the paper's coefficients and with those that `nas scale --search` has found (left out where `--found`
is not said). Each is trained from scratch by one recipe, with three seeds. Every training adds a row
to results/scaling_dimensions.csv, and the same command goes on after the last; table and picture,
scaling_dimensions.md and .svg beside it, are written from the rows.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from experiment import markdown
from machine import header
from scaling_dimensions_picture import Point, picture

from nas.architecture import Architecture
from nas.files import write_text
from nas.trace import trace
from nas.train import Dataset, Recipe, accuracy, load_dataset, train
from nas.train.data import with_pictures
from scaling import ALONE, PAPER, Coefficients, Member, Rules, fit

RESULTS = Path(__file__).parent / "results"
BASELINE = Architecture.parse(
    """
    input 16x16x3
    stem  conv k3 s1 c16 act=relu6
    stage mbconv k3 s1 e2 c16
    stage mbconv k3 s2 e2 c32
    stage fused_mbconv k3 s2 e3 c40 x2
    head  conv k1 c128 act=relu6
    head  pool
    head  dense c10
    """
)
RULES = Rules(divisor=4, rounding="nearest")  # small steps, for a small network
TIMES = (2, 4, 8)  # the baseline's MACs
SEEDS = (0, 1, 2)
TESTED = 5000  # of the 10000 test pictures
COLUMNS = (
    "scheme", "times", "seed", "digest", "resolution", "width", "depth", "params", "macs",
    "epochs", "pictures", "accuracy", "validation_accuracy", "seconds",
)  # fmt: skip


class Scaled(NamedTuple):
    """A member, by which scheme it came to be, and how many times the baseline's MACs it was to have at most."""

    scheme: str
    times: int
    member: Member


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="where tensorflow-datasets has cifar10")
    parser.add_argument("--found", metavar="A,B,C", help="alpha, beta and gamma as a search has found them")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pictures", type=int, default=10_000, help="to train on")
    parser.add_argument("--table", action="store_true", help="write table and picture from the rows, train nothing")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = Coefficients(*map(float, options.found.split(","))) if options.found else None
    if not options.table:
        dataset = pictures(options.data_dir, options.pictures)
        run(options.out / "scaling_dimensions.csv", dataset, list(plan(found)), recipe(options.epochs))
    rows = read(options.out / "scaling_dimensions.csv")
    write_text(options.out / "scaling_dimensions.md", document(rows, found))
    write_text(options.out / "scaling_dimensions.svg", picture(points(rows)))


def plan(found: Coefficients | None) -> Iterator[Scaled]:
    """The baseline, then every scheme's members, smaller ones first."""
    yield Scaled("baseline", 1, Member("baseline", 0, 1, 1, 1, BASELINE))
    schemes: dict[str, Coefficients] = {
        **ALONE,
        "compound, the paper's": PAPER,
        **({"compound, found": found} if found else {}),
    }
    for times in TIMES:
        budget = times * trace(BASELINE).macs
        for scheme, coefficients in schemes.items():
            fitted = fit(BASELINE, lambda a, most=budget: trace(a).macs / most, scheme, coefficients, RULES)
            yield Scaled(scheme, times, fitted.member)


def recipe(epochs: int) -> Recipe:
    """The one recipe of all."""
    return Recipe(epochs=epochs, batch_size=64, warmup_epochs=0.5, augment=("shift", "flip"))


def pictures(data_dir: str | None, count: int) -> Dataset:
    """CIFAR-10 with so many pictures to train on, and fewer to validate and test, which takes time too."""
    dataset = with_pictures(load_dataset("cifar10", data_dir=data_dir, validation=0.02, limit=None), count, 0)
    test = with_pictures(replace(dataset, train=dataset.test), TESTED, 0).train
    return replace(dataset, test=test)


def run(file: Path, dataset: Dataset, members: list[Scaled], recipe: Recipe) -> None:
    """Trains what has no row yet, seed by seed; schemes that come to the same network share its training."""
    for seed in SEEDS:
        for scaled in members:
            row, rows = about(scaled, seed, recipe, len(dataset.train)), read(file)
            if any(identity(row) == identity(done) for done in rows):
                continue
            if equal := next((done for done in rows if training(row) == training(done)), None):
                append(file, {**equal, "scheme": row["scheme"], "times": row["times"]})
                continue
            started = time.monotonic()
            trained = train(scaled.member.architecture, dataset, recipe, seed=seed)
            row["accuracy"] = f"{accuracy(trained.network, dataset.test):.4f}"
            row["validation_accuracy"] = f"{trained.validation_accuracy:.4f}"
            row["seconds"] = f"{time.monotonic() - started:.1f}"
            append(file, row)
            print(*(row[key] for key in ("scheme", "times", "seed", "accuracy", "seconds")), sep="  ", flush=True)


def about(scaled: Scaled, seed: int, recipe: Recipe, count: int) -> dict[str, str]:
    """What is known of a training before it starts."""
    member, traced = scaled.member, trace(scaled.member.architecture)
    values = (
        scaled.scheme, scaled.times, seed, member.architecture.digest, member.architecture.resolution,
        f"{member.width:.4g}", f"{member.depth:.4g}", traced.params, traced.macs, recipe.epochs, count,
    )  # fmt: skip
    return dict(zip(COLUMNS, map(str, values), strict=False))


def identity(row: dict[str, str]) -> tuple[str, ...]:
    """What tells one training from another."""
    return tuple(row[key] for key in ("scheme", "times", "seed", "digest", "epochs", "pictures"))


def training(row: dict[str, str]) -> tuple[str, ...]:
    """What decides a training."""
    return tuple(row[key] for key in ("seed", "digest", "epochs", "pictures"))


def append(file: Path, row: dict[str, str]) -> None:
    """Adds a row, with the columns' names before the first."""
    new = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def read(file: Path) -> list[dict[str, str]]:
    """The rows of trainings that ended."""
    if not file.exists():
        return []
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def grouped(rows: list[dict[str, str]]) -> dict[tuple[str, int], list[dict[str, str]]]:
    """The rows of each scheme at each cost, one for each seed."""
    groups: dict[tuple[str, int], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["scheme"], int(row["times"])), []).append(row)
    return groups


def points(rows: list[dict[str, str]]) -> list[Point]:
    """A point for each scheme at each cost: MACs, and the accuracies of its seeds."""
    return [
        Point(scheme, float(group[0]["macs"]), [float(row["accuracy"]) for row in group])
        for (scheme, _), group in grouped(rows).items()
    ]


def document(rows: list[dict[str, str]], found: Coefficients | None) -> str:
    """The table as Markdown."""
    lines = []
    for (scheme, times), group in sorted(grouped(rows).items(), key=lambda item: (item[0][1], item[0][0])):
        first, scores = group[0], [float(row["accuracy"]) for row in group]
        spread = f" ± {100 * stdev(scores):.2f}" if len(scores) > 1 else ""
        lines.append(
            (
                scheme,
                f"{times}x",
                f"{int(first['macs']) / 1e6:.2f}",
                f"{int(first['params']):,}",
                *(first[key] for key in ("resolution", "width", "depth")),
                f"{100 * mean(scores):.2f}{spread}",
                len(scores),
            )
        )
    columns = ("scaled by", "most MACs", "M MACs", "parameters", "pixels", "width", "depth", "test %", "seeds")
    first = rows[0]
    method = (
        f"CIFAR-10: {int(first['pictures']):,} pictures to train on for {first['epochs']} epochs, {TESTED:,} to test; "
        "the same recipe for all, accuracy as mean and standard deviation over seeds."
    )
    formulas = f"Coefficients: the paper's {_said(PAPER)}" + (
        f"; those that `nas scale --search` found at twice the cost {_said(found)}." if found else "."
    )
    parts = [
        "# Scaling dimensions",
        "Written by `benchmarks/scaling_dimensions.py`; every training is in `scaling_dimensions.csv`.",
    ]
    parts += [markdown(("what", "found"), header(("jax", "flax", "optax"))), method, formulas]
    parts += [
        "![Accuracy against MACs](scaling_dimensions.svg)",
        markdown(columns, lines),
        f"The baseline:\n\n```\n{BASELINE.text}```",
    ]
    return "\n\n".join(parts) + "\n"


def _said(coefficients: Coefficients) -> str:
    return f"alpha {coefficients.alpha:g}, beta {coefficients.beta:g}, gamma {coefficients.gamma:g}"


if __name__ == "__main__":
    main()
