"""How well scores of untrained networks, and short trainings, rank networks by what they reach in the end.

    python benchmarks/zero_cost.py --data FOLDER

Takes the networks of `results/search_table.csv`, which `search_table.py` trained, and scores each untrained on
the same few pictures of CIFAR-10, which tensorflow-datasets keeps in FOLDER. Appends one row a network to
`results/zero_cost.csv`; killed at any moment, the same command goes on with the first network that has no row.
Then writes `results/zero_cost.md`: Kendall's tau of every score, and of the accuracy after each epoch but the
last, against the accuracy after the last.
"""

import argparse
import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from experiment import markdown
from machine import header
from scipy.stats import kendalltau
from search_table import EXPERIMENT, as_csv, read_table

from experiments.data import open_data
from experiments.schema import load_experiment
from experiments.zero_cost import PICTURES
from nas.architecture import Architecture
from nas.files import write_text
from nas.train import at_resolution
from nas.train.compiled import use_cache_on_disk
from nas.zero_cost import SCORES

RESULTS = Path(__file__).parent / "results"
TABLE = RESULTS / "zero_cost.csv"
RESAMPLES = 1000  # of the networks, for the intervals
PACKAGES = ("edgescale", "jax", "flax", "numpy", "scipy")

Row = Mapping[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="where tensorflow-datasets keeps its data")
    parser.add_argument("--most", type=int, help="how many networks of the table to take (default: all)")
    arguments = parser.parse_args()
    trained = read_table()[: arguments.most]
    scored = {row["digest"]: row for row in read_scores()}
    if missing := [row for row in trained if row["digest"] not in scored]:
        add_scores(missing, scored, arguments.data)
    write_text(RESULTS / "zero_cost.md", report(trained, scored))


def read_scores() -> list[dict[str, str]]:
    """The rows so far."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def add_scores(missing: Sequence[Row], scored: dict[str, dict[str, str]], data: Path | None) -> None:
    """Scores networks of the table, and keeps each row as soon as it is there."""
    experiment = load_experiment(EXPERIMENT, [f"data.data_dir={data}"] if data else [])
    networks = [Architecture.parse(row["architecture"].replace("; ", "\n")) for row in missing]
    split = at_resolution(open_data(experiment.data, experiment.seed), networks[0].resolution).train
    # The same pictures that `{zero_cost: ...}` of a search takes.
    shown = split.take(np.random.default_rng(experiment.seed).permutation(len(split))[:PICTURES])
    images, labels = np.asarray(shown.images[:PICTURES], np.float32) / 127.5 - 1, np.asarray(shown.labels)
    use_cache_on_disk()
    for network in networks:
        started = time.monotonic()
        found = {name: f"{score(network, images, labels, experiment.seed):.9g}" for name, score in SCORES.items()}
        seconds = f"{time.monotonic() - started:.2f}"
        scored[network.digest] = {"digest": network.digest, **found, "seconds": seconds}
        write_text(TABLE, as_csv(scored.values()))
        print(f"{len(scored):4}  {seconds} s", flush=True)


def predictors(trained: Sequence[Row], scored: Mapping[str, Row]) -> dict[str, list[float]]:
    """By its name, each score and each short training: one number a network, large for a good one."""
    by_epoch = [[float(accuracy) for accuracy in row["by_epoch"].split()] for row in trained]
    scores = {name: [float(scored[row["digest"]][name]) for row in trained] for name in SCORES}
    rungs = {f"accuracy after epoch {n}": [reached[n - 1] for reached in by_epoch] for n in range(1, len(by_epoch[0]))}
    return scores | rungs


def tau(values: Sequence[float], accuracies: Sequence[float]) -> tuple[float, float, float]:
    """Kendall's tau-b, and between what it lies with 95 % confidence, by the bootstrap over networks."""
    x, y = np.asarray(values), np.asarray(accuracies)
    draws = np.random.default_rng(0).integers(len(x), size=(RESAMPLES, len(x)))
    found = [kendalltau(x[drawn], y[drawn]).statistic for drawn in draws]
    low, high = np.percentile(found, (2.5, 97.5))
    return float(kendalltau(x, y).statistic), float(low), float(high)


def kept(values: Sequence[float], accuracies: Sequence[float]) -> int:
    """How many of the tenth of networks that are best in the end are among the half that is best by the values."""
    best = np.argsort(-np.asarray(accuracies), kind="stable")[: max(1, len(accuracies) // 10)]
    half = np.argsort(-np.asarray(values), kind="stable")[: len(values) // 2]
    return len(set(best) & set(half))


def report(trained: Sequence[Row], scored: Mapping[str, Row]) -> str:
    """The results as Markdown."""
    final = [float(row["accuracy"]) for row in trained]
    epochs = len(trained[0]["by_epoch"].split())
    rows = []
    for name, values in predictors(trained, scored).items():
        statistic, low, high = tau(values, final)
        within = f"{kept(values, final)} of {max(1, len(final) // 10)}"
        rows.append((name, f"{statistic:.2f}", f"{low:.2f} to {high:.2f}", within))
    seconds = sorted(float(scored[row["digest"]]["seconds"]) for row in trained)
    about = [
        *header(PACKAGES),
        ("networks", f"{len(trained)} of `search_table.csv`, {min(final):.1%} to {max(final):.1%} right in the end"),
        ("pictures", f"{PICTURES} for each score"),
        ("seconds", f"{seconds[len(seconds) // 2]:.2f} for all scores of a network, the median"),
    ]
    return "\n\n".join(
        [
            "# How scores and short trainings rank networks",
            "Written by `benchmarks/zero_cost.py`.",
            markdown(("what", "found"), about),
            f"Kendall's tau against the accuracy on the validation split after all {epochs} epochs of the table's "
            "recipe, one seed: 1 is the same order, 0 none. The rungs are the same trainings looked at earlier, "
            "their learning rate not yet at its end. The last column is how many of the best tenth would be left if "
            "the better half went on.",
            markdown(("by", "tau", "with 95 % confidence", "best tenth kept"), rows),
        ]
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
