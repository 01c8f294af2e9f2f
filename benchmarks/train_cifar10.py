"""Trains two small networks on CIFAR-10 to the end, and one with each part of its recipe left out in turn.

    python benchmarks/train_cifar10.py --data-dir FOLDER [--devices COUNT]

FOLDER is where tensorflow-datasets has cifar10 prepared. A network of MobileNet v2's blocks is trained
to the end, then ResNet-20, the network of 0.27 million parameters that arXiv 1512.03385 trains on
CIFAR-10, of about its multiply-accumulates: from the labels alone, and from the first network too. Then
ResNet-8 is trained on some of the pictures with a short recipe, and so often again with one ingredient
left out or added. Every training goes on from its last epoch where the same command is given again;
each that ends adds a row to results/train_cifar10.csv, of which results/train_cifar10.md is made. With
--only it trains that network alone, so that several commands may share a machine. With --devices the
processor passes for so many, which share every batch of the networks that are trained to the end. When
all are trained come the same steps shared by one, two and four devices.
"""

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from experiment import markdown
from machine import header
from train_cifar10_devices import shared_steps

from nas.architecture import Architecture
from nas.files import write_text
from nas.trace import trace
from nas.train import Dataset, Epoch, Recipe, Trained, accuracy, load_dataset, train
from nas.train.checkpoint import load_trained
from nas.train.data import with_pictures
from nas.train.distillation import Teacher

RESULTS = Path(__file__).parent / "results"
RESNET = Architecture.parse(
    """
    input 32x32x3
    stem  conv k3 s1 c16 act=relu
    stage residual s1 c16 x3
    stage residual s2 c32 x3
    stage residual s2 c64 x3
    head  pool
    head  dense c10
    """
)
MOBILENET = Architecture.parse(
    """
    input 32x32x3
    stem  conv k3 s1 c16 act=relu6
    stage mbconv s2 e3 c32 x2
    stage mbconv s2 e4 c96 x5
    stage mbconv s2 e4 c160 x3
    head  conv k1 c512 act=relu6
    head  pool
    head  dense c10
    """
)
RESNET8 = Architecture.parse(
    """
    input 32x32x3
    stem  conv k3 s1 c16 act=relu
    stage residual s1 c16
    stage residual s2 c32
    stage residual s2 c64
    head  pool
    head  dense c10
    """
)
NETWORKS = {"resnet-20": RESNET, "mobilenet-v2-like": MOBILENET, "resnet-8": RESNET8}
RECIPE = Recipe(
    batch_size=128,
    optimizer="muon",
    learning_rate=0.006,
    momentum=0.95,
    weight_decay=0.02,
    warmup_epochs=2,
    label_smoothing=0.05,
    ema=0.999,
    augment=("shift", "flip"),
    progressive_stages=3,
    progressive_from=0.5,
    norms_over="device",
)
LONG = replace(RECIPE, weight_decay=0.04, label_smoothing=0.1, progressive_stages=2, progressive_from=0.75)
RANDAUGMENT, ERASE = "randaugment layers=1 magnitude=7", "erase largest=0.2"
SHORT = replace(RECIPE, epochs=6, warmup_epochs=1)
VARIANTS = {
    "the whole recipe, shortened": SHORT,
    "no shift": replace(SHORT, augment=("flip",)),
    "no flip": replace(SHORT, augment=("shift",)),
    "no weight decay": replace(SHORT, weight_decay=0),
    "no momentum": replace(SHORT, momentum=0),
    "no Muon: SGD": replace(SHORT, optimizer="sgd", learning_rate=0.2, momentum=0.9, weight_decay=5e-4),
    "no Muon: AdamW": replace(SHORT, optimizer="adamw", learning_rate=0.004),
    "no smaller pictures first": replace(SHORT, progressive_stages=1),
    "no warm-up": replace(SHORT, warmup_epochs=0),
    "no cosine: a constant learning rate": replace(SHORT, schedule="constant"),
    "no label smoothing": replace(SHORT, label_smoothing=0),
    "no averaged weights": replace(SHORT, ema=0),
    "and RandAugment": replace(SHORT, augment=(*SHORT.augment, RANDAUGMENT)),
    "and random erasing": replace(SHORT, augment=(*SHORT.augment, ERASE)),
    "and CutMix": replace(SHORT, augment=(*SHORT.augment, "cutmix")),
    "and dropout": replace(SHORT, dropout=0.2),
}
SEEDS = (0, 1)  # of the shortened trainings
COLUMNS = (
    "network",
    "recipe",
    "seed",
    "epochs",
    "test_accuracy",
    "validation_accuracy",
    "cores",
    "minutes",
    "images_per_second",
)


@dataclass(frozen=True)
class Job:
    """One training, and the one before whose network it learns from beside the labels."""

    network: str
    about: str
    recipe: Recipe
    seed: int
    teacher: "Job | None" = None

    def folder(self, runs: Path) -> Path:
        """Where it is kept."""
        words = self.about.replace(":", "").replace(",", "").split()
        return (runs / "-".join([self.network, *words, str(self.seed)])).absolute()


MOBILENET_ALONE = Job(
    "mobilenet-v2-like",
    "the whole recipe",
    replace(LONG, epochs=44, augment=(*LONG.augment, RANDAUGMENT, ERASE)),
    seed=0,
)
RESNET_ALONE = Job(
    "resnet-20",
    "the whole recipe",
    replace(
        LONG,
        epochs=66,
        learning_rate=0.024,
        weight_decay=0.02,
        label_smoothing=0,
        ema=0.9995,
        augment=(*LONG.augment, RANDAUGMENT),
    ),
    seed=0,
)
RESNET_TAUGHT = replace(
    RESNET_ALONE,
    about="taught by mobilenet-v2-like",
    recipe=replace(RESNET_ALONE.recipe, epochs=42),
    teacher=MOBILENET_ALONE,
)
FULL = [MOBILENET_ALONE, RESNET_ALONE, RESNET_TAUGHT]
DISTILLATION = {"weight": 0.8, "temperature": 2.0}
ABLATION = [Job("resnet-8", about, recipe, seed) for seed in SEEDS for about, recipe in VARIANTS.items()]
FEW = 10_000  # pictures that the shortened trainings see


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="where tensorflow-datasets has cifar10")
    parser.add_argument("--runs", type=Path, default=Path("runs/train_cifar10"), help="where trainings are kept")
    parser.add_argument("--only", choices=NETWORKS, help="train this network alone")
    parser.add_argument("--devices", type=int, default=1, help="as how many the processor passes (default: 1)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    file = options.out / "train_cifar10.csv"
    dataset = load_dataset("cifar10", data_dir=options.data_dir, validation=0.05)
    done = {(row["network"], row["recipe"], row["seed"]) for row in read(file)}
    for job in [*FULL, *ABLATION]:
        if (job.network, job.about, str(job.seed)) not in done and options.only in (None, job.network):
            row = run(job, dataset, options.runs, options.devices if job in FULL else 1)
            write_text(file, table_with(read(file), row))
            write_text(file.with_suffix(".md"), document(read(file), [], dataset))
    if not options.only:
        write_text(file.with_suffix(".md"), document(read(file), shared_steps(RESNET), dataset))


def run(job: Job, dataset: Dataset, runs: Path, devices: int) -> dict[str, str]:
    """Trains to the end, or the rest of it, and tests the best epoch in validation."""
    seen = dataset if job in FULL else with_pictures(dataset, FEW, job.seed)
    trained = _trained(job, seen, runs, devices)
    best = load_trained(job.folder(runs))
    values = (
        job.network,
        job.about,
        job.seed,
        len(trained.history),
        f"{accuracy(best.network, dataset.test):.4f}",
        f"{best.history[-1]['validation_accuracy']:.4f}",
        len(os.sched_getaffinity(0)),
        f"{trained.seconds / 60:.1f}",
        f"{len(seen.train) * len(trained.history) / trained.seconds:.0f}",
    )
    return dict(zip(COLUMNS, map(str, values), strict=True))


def _trained(job: Job, dataset: Dataset, runs: Path, devices: int) -> Trained:
    """Trains to the end, or the rest of it, after the network that it learns from."""
    teacher = None
    if job.teacher:
        _trained(job.teacher, dataset, runs, devices)
        kept = load_trained(job.teacher.folder(runs))
        teacher = Teacher(kept.network, kept.architecture.resolution, **DISTILLATION)
    folder = job.folder(runs)

    def say(epoch: Epoch) -> None:
        print(f"{folder.name}  epoch {epoch.epoch}  {epoch.validation_accuracy:.4f}  {epoch.seconds:.0f} s", flush=True)

    return train(
        NETWORKS[job.network],
        dataset,
        job.recipe,
        seed=job.seed,
        checkpoints=folder,
        progress=say,
        devices=devices,
        teacher=teacher,
    )


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where there is no file yet."""
    if not file.exists():
        return []
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def table_with(rows: Sequence[dict[str, str]], row: dict[str, str]) -> str:
    """The rows and one more as CSV; no value has a comma but the names of recipes, which are quoted."""
    quoted = [{**one, "recipe": f'"{one["recipe"]}"'} for one in (*rows, row)]
    return "".join(",".join(line) + "\n" for line in [COLUMNS, *([one[key] for key in COLUMNS] for one in quoted)])


def document(
    rows: Sequence[dict[str, str]],
    shared: Sequence[tuple[str, ...]],
    dataset: Dataset,
) -> str:
    """The tables as Markdown, as far as there are rows for them."""
    counts = "{} pictures to train on, {} to validate, {} to test".format(*(f"{len(s):,}" for s in dataset.splits()))
    parts = [
        "# Training on CIFAR-10",
        "Written by `benchmarks/train_cifar10.py`; every training is in `train_cifar10.csv`.",
        markdown(("what", "found"), [*header(("jax", "flax", "optax", "tensorflow-datasets")), ("data", counts)]),
    ]
    ended = {(row["network"], row["recipe"]): row for row in rows}
    if full := [(job, ended[about]) for job in FULL if (about := (job.network, job.about)) in ended]:
        parts += [
            "## To the end",
            "Seed 0, tested after [the best epoch](../../docs/training.md#the-best-epoch). Minutes are those of all "
            "cores together, with validation, with whatever ran beside.",
            markdown(
                ("network", "parameters", "M MACs", "epochs", "cores", "minutes", "images/s", "test %"),
                [_full(job, row) for job, row in full],
            ),
            "\n".join(f"* {_named(job)}: {_said(job.recipe)}{_taught(job)}." for job, _ in full),
        ]
    if ablation := _ablation(rows):
        parts += [
            "## What each ingredient adds",
            f"ResNet-8 for {SHORT.epochs} epochs of {FEW:,} pictures: {_said(SHORT)}. Mean test accuracy of the seeds "
            f"{' and '.join(map(str, SEEDS))}, and how far it is from that of the whole recipe. What averaging, "
            "smoothing and more augmentation bring takes longer trainings to show.",
            markdown(("recipe", "trainings", "test %", "spread", "difference"), ablation),
        ]
    if shared:
        parts += [
            "## Devices that share each batch",
            "Three steps from the same weights on as many devices as a processor pretends to have, which says nothing "
            "of speed: the largest difference of any weight from that of one device.",
            markdown(("devices", "mean loss", "largest difference of a weight"), shared),
        ]
    return "\n\n".join(parts) + "\n"


def _said(recipe: Recipe) -> str:
    growing = (
        f", pictures that grow from {recipe.progressive_from:g} times the side to the whole in "
        f"{recipe.progressive_stages} stages of as many epochs"
    )
    return (
        f"{recipe.optimizer} with momentum {recipe.momentum:g}, learning rate {recipe.learning_rate:g} for batches of "
        f"{recipe.batch_size} after {recipe.warmup_epochs:g} epochs of warm-up, cosine, weight decay "
        f"{recipe.weight_decay:g}, label smoothing {recipe.label_smoothing:g}, weights averaged by {recipe.ema:g}, "
        f"augmentation by {', '.join(recipe.augment)}{growing if recipe.progressive_stages > 1 else ''}"
    )


def _taught(job: Job) -> str:
    if not job.teacher:
        return ""
    weight, temperature = DISTILLATION["weight"], DISTILLATION["temperature"]
    return (
        f"; {weight:g} of the loss is the divergence from the outputs of {job.teacher.network} at temperature "
        f"{temperature:g}, whose own training is not in the minutes"
    )


def _named(job: Job) -> str:
    return f"{job.network}, {job.about}" if job.teacher else job.network


def _full(job: Job, row: dict[str, str]) -> tuple[str, ...]:
    traced = trace(NETWORKS[job.network])
    size = f"{traced.params:,}", f"{traced.macs / 1e6:.1f}"
    spent = (row[key] for key in ("epochs", "cores", "minutes", "images_per_second"))
    return _named(job), *size, *spent, f"{100 * float(row['test_accuracy']):.2f}"


def _ablation(rows: Sequence[dict[str, str]]) -> list[tuple[str, ...]]:
    scores: dict[str, list[float]] = {about: [] for about in VARIANTS}
    for row in rows:
        if row["recipe"] in scores:
            scores[row["recipe"]].append(100 * float(row["test_accuracy"]))
    if not (whole := scores[next(iter(VARIANTS))]):
        return []
    return [
        (
            about,
            str(len(found)),
            f"{mean(found):.2f}",
            f"{stdev(found):.2f}" if len(found) > 1 else "",
            f"{mean(found) - mean(whole):+.2f}",
        )
        for about, found in scores.items()
        if found
    ]


if __name__ == "__main__":
    main()
