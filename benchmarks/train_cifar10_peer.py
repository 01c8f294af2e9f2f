"""Trains a residual network on CIFAR-10 here and in PyTorch by one recipe, and compares what both learn.

    python benchmarks/train_cifar10_peer.py --data-dir FOLDER --torch PYTHON

FOLDER is where tensorflow-datasets has cifar10 prepared; PYTHON is an interpreter that has torch and timm.
The network, the pictures, the augmentation and the recipe are the same, what is drawn at random is not. Every
training that ends adds a row to results/train_cifar10_peer.csv, of which results/train_cifar10_peer.md is made; the
same command goes on with those that are lacking.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from experiment import markdown
from machine import header
from train_cifar10 import RESNET8, read

from nas.files import write_text
from nas.train import Dataset, Epoch, Recipe, accuracy, load_dataset, train

RESULTS = Path(__file__).parent / "results"
TORCH = Path(__file__).with_name("train_cifar10_torch.py")
RECIPE = Recipe(
    epochs=12,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    warmup_epochs=1,
    label_smoothing=0,
    augment=("shift", "flip"),
)
SEEDS = (0, 1, 2)
OURS, PEER = "this toolkit", "PyTorch"
COLUMNS = ("what", "seed", "test_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="where tensorflow-datasets has cifar10")
    parser.add_argument("--torch", metavar="PYTHON", required=True, help="an interpreter that has torch and timm")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    versions = json.loads(_torch(options.torch, "versions"))
    file = options.out / "train_cifar10_peer.csv"
    dataset = load_dataset("cifar10", data_dir=options.data_dir, validation=0.05)
    for seed in SEEDS:
        for what in (OURS, PEER):
            rows = read(file)
            if (what, str(seed)) in {(row["what"], row["seed"]) for row in rows}:
                continue
            right = ours(dataset, seed) if what == OURS else peer(dataset, seed, options.torch)
            rows.append(dict(zip(COLUMNS, (what, str(seed), f"{right:.4f}"), strict=True)))
            lines = [COLUMNS, *([row[key] for key in COLUMNS] for row in rows)]
            write_text(file, "".join(",".join(line) + "\n" for line in lines))
            write_text(file.with_suffix(".md"), document(rows, versions, len(dataset.train)))


def ours(dataset: Dataset, seed: int) -> float:
    """Accuracy (0 to 1) on the test pictures after the last epoch."""

    def say(epoch: Epoch) -> None:
        print(f"{OURS}  epoch {epoch.epoch} of {RECIPE.epochs}  {epoch.seconds:.0f} s", flush=True)

    trained = train(RESNET8, dataset, RECIPE, seed=seed, progress=say)
    return accuracy(trained.network, dataset.test)


def peer(dataset: Dataset, seed: int, python: str) -> float:
    """The same of PyTorch."""
    arrays = {
        f"{name}_{part}": np.asarray(getattr(split, part))
        for name, split in (("train", dataset.train), ("test", dataset.test))
        for part in ("images", "labels")
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cifar10.npz"
        np.savez(file, **arrays)
        right: float = json.loads(_torch(python, str(file), json.dumps({**asdict(RECIPE), "seed": seed, "blocks": 1})))
    return right


def _torch(python: str, *arguments: str) -> str:
    return subprocess.run([python, TORCH, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def document(rows: Sequence[dict[str, str]], versions: dict[str, Any], pictures: int) -> str:
    """The table as Markdown."""
    scores = {what: [100 * float(row["test_accuracy"]) for row in rows if row["what"] == what] for what in (OURS, PEER)}
    lines = [
        (
            what,
            ", ".join(f"{score:.2f}" for score in found),
            f"{mean(found):.2f}" if found else "",
            f"{stdev(found):.2f}" if len(found) > 1 else "",
        )
        for what, found in scores.items()
    ]
    about = (
        f"ResNet-8 for {RECIPE.epochs} epochs of {pictures:,} pictures, batches of {RECIPE.batch_size}: SGD with "
        f"Nesterov momentum {RECIPE.momentum:g}, learning rate {RECIPE.learning_rate:g} after {RECIPE.warmup_epochs:g} "
        f"epoch of warm-up, cosine, weight decay {RECIPE.weight_decay:g} on kernels, shifted by up to an eighth of the "
        "side and mirrored. Tested after the last epoch, on all 10,000 test pictures. PyTorch's is of timm's blocks."
    )
    return "\n\n".join(
        [
            "# What is learned, beside PyTorch",
            "Written by `benchmarks/train_cifar10_peer.py`; every training is in `train_cifar10_peer.csv`.",
            markdown(("what", "found"), header(("jax", "flax", "optax", "tensorflow-datasets"), **versions)),
            about,
            markdown(("what", "test % of each seed", "mean", "spread"), lines),
        ]
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
