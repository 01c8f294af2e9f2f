"""Trains every network of a small space under one short recipe, for searches to be replayed in seconds.

    python benchmarks/search_table.py --data FOLDER [--most N]

FOLDER is where tensorflow-datasets keeps CIFAR-10. The space, the recipe and the seed are those of
`search_table.yaml`. Appends one row a network to `results/search_table.csv`, in an order drawn from
the seed; killed at any moment, the same command goes on with the first network that has no row.
"""

import argparse
import csv
import io
import json
import time
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from machine import header

from experiments.data import open_data
from experiments.schema import Experiment, load_experiment
from nas.architecture import Architecture
from nas.files import write_text
from nas.latency import find_device
from nas.trace import trace
from nas.train import Dataset, at_resolution, train
from nas.train.data import with_pictures
from search_spaces import SearchSpace

ROOT = Path(__file__).parent
EXPERIMENT = ROOT / "search_table.yaml"
TABLE = ROOT / "results" / "search_table.csv"
MACHINE = ROOT / "results" / "search_table.json"  # where and with what the table was made
DEVICE = "edgetpu-usb"
PACKAGES = ("edgescale", "jax", "flax", "numpy", "tensorflow-datasets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="where tensorflow-datasets keeps its data")
    parser.add_argument("--most", type=int, help="how many rows to stop at (default: the whole space)")
    arguments = parser.parse_args()
    experiment = load_experiment(EXPERIMENT, [f"data.data_dir={arguments.data}"] if arguments.data else [])
    wanted = list(distinct(experiment.search_space()))
    order = np.random.default_rng(experiment.seed).permutation(len(wanted))[: arguments.most]
    rows = read_table()
    known = {row["digest"] for row in rows}
    if not MACHINE.exists():
        write_text(MACHINE, json.dumps(dict(header(PACKAGES)), indent=1) + "\n")
    missing = [wanted[index] for index in order if wanted[index].digest not in known]
    dataset = open_data(experiment.data, experiment.seed)
    dataset = with_pictures(at_resolution(dataset, wanted[0].resolution), experiment.search.pictures, experiment.seed)
    for architecture in missing:
        rows.append(trained_row(experiment, dataset, architecture))
        write_text(TABLE, as_csv(rows))
        print(f"{len(rows):4} of {len(order)}  {rows[-1]['accuracy']}  {rows[-1]['seconds']} s", flush=True)


def distinct(space: SearchSpace) -> Iterator[Architecture]:
    """Every network of the space once, in the order of its choices."""
    seen = set()
    for combination in product(*space.choices.values()):
        architecture = space.build(dict(zip(space.choices, combination, strict=True)))
        if architecture not in seen:
            seen.add(architecture)
            yield architecture


def trained_row(experiment: Experiment, dataset: Dataset, architecture: Architecture) -> dict[str, str]:
    """What a network costs, and its accuracy on the validation split (0 to 1) after each epoch."""
    started = time.monotonic()
    trained = train(architecture, dataset, experiment.search.recipe, seed=experiment.seed)
    traced = trace(architecture)
    scores = [epoch.validation_accuracy for epoch in trained.history]
    return {
        "digest": architecture.digest,
        "params": str(traced.params),
        "macs": str(traced.macs),
        "latency_ms": f"{find_device(DEVICE).latency(traced).ms:.6f}",
        "device": DEVICE,
        "seed": str(experiment.seed),
        "accuracy": f"{scores[-1]:.4f}",
        "by_epoch": " ".join(f"{score:.4f}" for score in scores),
        "seconds": f"{time.monotonic() - started:.1f}",
        "architecture": "; ".join(architecture.text.splitlines()),
    }


def read_table() -> list[dict[str, str]]:
    """The rows so far."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def as_csv(rows: Iterable[dict[str, str]]) -> str:
    """The rows as text, the first one's keys as columns."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    main()
