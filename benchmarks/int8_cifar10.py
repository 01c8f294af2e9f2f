"""How much accuracy int8 costs on CIFAR-10, by every way to it, on all test pictures.

    python benchmarks/int8_cifar10.py --data-dir FOLDER [--only NETWORK]

FOLDER is where tensorflow-datasets has cifar10 prepared. Four networks after MobileNet v2 (that of
`train_cifar10.py`), EfficientNet-EdgeTPU-S, -lite0 and -B0 are trained for a short while. Each is
then run as Flax, as TFLite in float32, as int8 by each method, and as int8 after an epoch of
quantization-aware training. Goes on where it was stopped: trainings from their last epoch, and
every form that is done has its row in results/int8_cifar10.csv. Writes results/int8_cifar10.md
after every network. --epochs, --pictures and --tested are for a trial on few pictures.
"""

import argparse
import csv
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from experiment import markdown
from machine import header
from numpy.typing import NDArray
from train_cifar10 import MOBILENET

from experiments.rounding import CALIBRATION_PICTURES
from experiments.stages.export import calibration_pictures
from nas.architecture import Architecture
from nas.export.quantization.closeness import closeness
from nas.export.quantization.method import PLAIN, Method
from nas.export.run import LiteModel
from nas.export.tflite import convert, fit_grid
from nas.files import write_bytes, write_text
from nas.network import Network
from nas.rounding.grid import Grid
from nas.trace import trace
from nas.train import Dataset, Epoch, Recipe, load_dataset, logits, train
from nas.train.checkpoint import load_trained
from nas.train.data import Split, with_pictures
from nas.train.distillation import Teacher
from nas.train.names import network_arrays
from nas.train.transfer import Start

RESULTS = Path(__file__).parent / "results"
SEED = 0
NETWORKS = {
    "mobilenet-v2-like": MOBILENET,
    "edgetpu-s-like": Architecture.parse(
        """
        input 32x32x3
        stem  conv k3 s1 c16 act=relu
        stage fused_mbconv k3 s2 e4 c16 act=relu
        stage fused_mbconv k3 s1 e4 c24 act=relu
        stage fused_mbconv k3 s2 e4 c32 act=relu x2
        stage mbconv k5 s1 e6 c48 act=relu x2
        stage mbconv k5 s2 e6 c96 act=relu x2
        head  conv k1 c256 act=relu
        head  pool
        head  dense c10
        """
    ),
    "lite0-like": Architecture.parse(
        """
        input 32x32x3
        stem  conv k3 s1 c16 act=relu6
        stage mbconv k3 s1 e1 c16 act=relu6
        stage mbconv k3 s2 e4 c24 act=relu6 x2
        stage mbconv k5 s2 e4 c40 act=relu6 x2
        stage mbconv k3 s1 e4 c64 act=relu6 x3
        stage mbconv k5 s2 e6 c112 act=relu6 x2
        head  conv k1 c320 act=relu6
        head  pool
        head  dense c10
        """
    ),
    "b0-like": Architecture.parse(
        """
        input 32x32x3
        stem  conv k3 s1 c16 act=swish
        stage mbconv k3 s1 e1 c16 se0.25 act=swish
        stage mbconv k3 s2 e4 c24 se0.25 act=swish x2
        stage mbconv k5 s2 e4 c40 se0.25 act=swish x2
        stage mbconv k3 s1 e4 c64 se0.25 act=swish x3
        stage mbconv k5 s2 e6 c112 se0.25 act=swish x2
        head  conv k1 c320 act=swish
        head  pool
        head  dense c10
        """
    ),
}
PICTURES = 25_000  # that trainings see
SHORT = Recipe(
    epochs=8,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.2,
    weight_decay=5e-4,
    warmup_epochs=1,
    label_smoothing=0.05,
    ema=0.995,
    augment=("shift", "flip"),
)
QAT = Recipe(
    epochs=1,
    batch_size=64,
    learning_rate=1e-4,
    weight_decay=0,
    warmup_epochs=0,
    label_smoothing=0,
    augment=("shift", "flip"),
)
METHODS = ("max", "mse", "percentile", "max+equal", "max+bias", "mse+bias", "percentile+bias", "mse+equal+bias")
FLAX, FLOAT, ROUNDED, TRAINED = "Flax", "TFLite float32", "Flax, rounded, after QAT", "int8 after QAT (mse)"
COLUMNS = ("network", "form", "accuracy", "agreement", "equal", "steps", "bytes", "seconds")
TRAINING = "trained.csv"  # epochs, pictures, minutes, pictures a second
ENOUGH = 0.005, 0.98  # the most accuracy that int8 may lose, and the least agreement


@dataclass(frozen=True)
class Case:
    """One network, where what is made of it is kept, and on what and how it is trained."""

    name: str
    folder: Path
    dataset: Dataset
    recipe: Recipe

    @property
    def checkpoints(self) -> Path:
        """Of its training in floating point."""
        return self.folder / "checkpoints"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="where tensorflow-datasets has cifar10")
    parser.add_argument("--runs", type=Path, default=Path("runs/int8_cifar10"), help="where trainings are kept")
    parser.add_argument("--only", choices=NETWORKS, help="this network alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--epochs", type=int, default=SHORT.epochs, help="of the trainings, for a trial")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="to train on, for a trial")
    parser.add_argument("--tested", type=int, help="test pictures, for a trial")
    options = parser.parse_args()
    whole = load_dataset("cifar10", data_dir=options.data_dir, validation=0.05)
    if options.tested:
        whole = replace(whole, test=whole.test.take(np.arange(options.tested)))
    file = options.out / "int8_cifar10.csv"
    some = with_pictures(whole, options.pictures, SEED)
    recipe = replace(SHORT, epochs=options.epochs, warmup_epochs=min(SHORT.warmup_epochs, options.epochs - 1))
    for name in NETWORKS if options.only is None else (options.only,):
        measure(Case(name, (options.runs / name).absolute(), some, recipe), file)
        write_text(options.out / "int8_cifar10.md", document(read(file), whole, options.runs))


def measure(one: Case, file: Path) -> None:
    """Adds the rows that a network lacks, each as soon as it is known."""
    done = {row["form"] for row in read(file) if row["network"] == one.name}
    if done >= {FLAX, FLOAT, *map(_int8, METHODS), ROUNDED, TRAINED}:
        return
    trained(one)
    network = load_trained(one.checkpoints).network
    test, exact = one.dataset.test, logits(network, one.dataset.test.images)
    pictures = calibration_pictures(one.dataset.train.images, CALIBRATION_PICTURES, SEED)
    shape = (1, *test.images.shape[1:])
    if FLAX not in done:
        add(file, row(one.name, FLAX, exact, exact, test))
    for form, kind, method in ((FLOAT, "float32", PLAIN), *((_int8(m), "int8", Method.parse(m)) for m in METHODS)):
        if form not in done:
            begun = time.monotonic()
            data = convert(network, shape, kind, pictures, method)
            outputs = run(data, one.folder / "model.tflite", test)
            seconds = time.monotonic() - begun
            add(file, row(one.name, form, outputs, exact, test, bytes=len(data), seconds=f"{seconds:.0f}"))
    if TRAINED not in done:
        measure_trained(one, network, exact, pictures, file)


def measure_trained(
    one: Case, network: Network, exact: NDArray[np.float32], pictures: list[np.ndarray], file: Path
) -> None:
    """The rows of quantization-aware training: the rounded Flax network, and its file."""
    test, shape = one.dataset.test, (1, *one.dataset.test.images.shape[1:])
    grid = kept_grid(one.folder / "grid.json", network, shape, pictures)
    after, seconds = rounded_training(one, network, grid, one.folder / "checkpoints-qat")
    rounded = logits(after, test.images, grid)
    add(file, row(one.name, ROUNDED, rounded, exact, test, seconds=f"{seconds:.0f}"))
    data = convert(after, shape, "int8", grid=grid)
    outputs = run(data, one.folder / "model_int8.tflite", test)
    close = closeness(rounded, outputs, grid)
    more = {"equal": f"{close.equal:.5f}", "steps": close.steps, "bytes": len(data)}
    add(file, row(one.name, TRAINED, outputs, exact, test, **more))


def kept_grid(file: Path, network: Network, shape: tuple[int, ...], pictures: list[np.ndarray]) -> Grid:
    """The grid that an earlier start has kept, or that of the network."""
    if not file.exists():
        fit_grid(network, shape, pictures, "mse").save(file)
    return Grid.load(file)


def trained(one: Case) -> None:
    """Trains the network to the end, or the rest of it; writes down what it took."""
    architecture, checkpoints = NETWORKS[one.name], one.checkpoints
    found = train(
        architecture, one.dataset, one.recipe, seed=SEED, checkpoints=checkpoints, progress=partial(say, one.name)
    )
    speed = median(epoch.images_per_second for epoch in found.history)
    said = f"{len(found.history)},{len(one.dataset.train)},{found.seconds / 60:.1f},{speed:.0f}\n"
    write_text(one.folder / TRAINING, said)


def rounded_training(one: Case, network: Network, grid: Grid, folder: Path) -> tuple[Network, float]:
    """The network after quantization-aware training from its own outputs, and the seconds of it."""
    start = Start(one.name, network_arrays(network))
    found = train(
        NETWORKS[one.name],
        one.dataset,
        QAT,
        seed=SEED,
        checkpoints=folder,
        start=start,
        teacher=Teacher(network, NETWORKS[one.name].resolution, weight=1, temperature=1),
        grid=grid,
        progress=partial(say, f"{one.name} QAT"),
    )
    return found.network, found.seconds


def say(name: str, epoch: Epoch) -> None:
    """Prints an epoch when it has ended."""
    print(f"{name}  epoch {epoch.epoch}  {epoch.validation_accuracy:.4f}  {epoch.seconds:.0f} s", flush=True)


def run(data: bytes, file: Path, test: Split) -> NDArray[np.float32]:
    """A file's outputs on the test pictures, by LiteRT."""
    write_bytes(file, data)
    return LiteModel(file, trusted=True).predict(np.asarray(test.images[: len(test)]))


def row(
    network: str, form: str, outputs: NDArray[np.float32], exact: NDArray[np.float32], test: Split, **more: object
) -> dict[str, str]:
    """A form's row: how often it is right, and says what the Flax network says."""
    values = {
        "network": network,
        "form": form,
        "accuracy": f"{(outputs.argmax(1) == test.labels).mean():.4f}",
        "agreement": f"{(outputs.argmax(1) == exact.argmax(1)).mean():.4f}",
        **{key: str(value) for key, value in more.items()},
    }
    print(*values.values(), flush=True)
    return {key: values.get(key, "") for key in COLUMNS}


def _int8(method: str) -> str:
    return f"int8 {method}"


def read(file: Path) -> list[dict[str, str]]:
    """The rows so far."""
    if not file.exists():
        return []
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def add(file: Path, found: dict[str, str]) -> None:
    """Adds a row, or puts it in the place of the same form's."""
    rows = [one for one in read(file) if (one["network"], one["form"]) != (found["network"], found["form"])]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, found])
    write_text(file, stream.getvalue())


def document(rows: Sequence[dict[str, str]], whole: Dataset, runs: Path) -> str:
    """The tables as Markdown."""
    versions = ("jax", "flax", "optax", "tensorflow-cpu", "ai-edge-litert", "tensorflow-datasets")
    facts = [
        *header(versions),
        ("cores", f"{len(os.sched_getaffinity(0))} used, with other work beside it"),
        ("data", f"CIFAR-10: {len(whole.test):,} test pictures; seed {SEED}"),
        ("calibration", f"{CALIBRATION_PICTURES} pictures of the training split, seed {SEED}"),
        ("QAT", f"{QAT.epochs} epoch of {PICTURES:,} pictures, {QAT.optimizer}, learning rate {QAT.learning_rate:g}, "
         "ranges by mse, batch norms folded, learning from the float network's outputs alone"),
    ]  # fmt: skip
    parts = [
        "# int8 on CIFAR-10",
        "Written by `benchmarks/int8_cifar10.py`; the rows are in `int8_cifar10.csv`.",
        markdown(("what", "found"), facts),
    ]
    for name in dict.fromkeys(one["network"] for one in rows):
        parts += _network(name, [one for one in rows if one["network"] == name], runs)
    return "\n\n".join(parts) + "\n"


def _network(name: str, rows: Sequence[dict[str, str]], runs: Path) -> list[str]:
    traced = trace(NETWORKS[name])
    size = f"{traced.params:,} parameters, {traced.macs / 1e6:.1f} M MACs"
    table = [
        (
            one["form"],
            f"{100 * float(one['accuracy']):.2f}",
            f"{100 * (float(one['accuracy']) - float(rows[0]['accuracy'])):+.2f}",
            f"{100 * float(one['agreement']):.2f}",
            one["bytes"] and f"{int(one['bytes']):,}",
            one["seconds"],
        )
        for one in rows
    ]
    columns = ("form", "test %", "against Flax", "agreement %", "bytes", "seconds")
    return [f"## {name}", f"{size}.{_training(name, runs)}", markdown(columns, table), *_verdicts(rows)]


def _training(name: str, runs: Path) -> str:
    """How it was trained, where that is known."""
    place = runs / name / TRAINING
    if not place.exists():
        return ""
    epochs, pictures, minutes, speed = place.read_text().strip().split(",")
    return f" Trained for {epochs} epochs of {int(pictures):,} pictures in {minutes} minutes at {speed} a second."


def _verdicts(rows: Sequence[dict[str, str]]) -> list[str]:
    """Which int8 file is best, whether it is good enough, and how close QAT's is to what was trained."""
    integers = [one for one in rows if one["form"].startswith("int8")]
    if not integers:
        return []
    best = max(integers, key=lambda one: (float(one["accuracy"]), float(one["agreement"])))
    lost, agreement = float(rows[0]["accuracy"]) - float(best["accuracy"]), float(best["agreement"])
    within = "within" if lost <= ENOUGH[0] and agreement >= ENOUGH[1] else "not within"
    said = [
        f"Best: {best['form']}, {-100 * lost:+.2f} points and {agreement:.2%} agreement, which is {within} "
        f"{100 * ENOUGH[0]:g} points and {ENOUGH[1]:.0%}."
    ]
    for one in integers:
        if one["equal"]:
            said.append(
                f"After QAT {float(one['equal']):.2%} of all outputs of the file are the rounded Flax network's to the "
                f"last step, none further than {one['steps']}."
            )
    return said


if __name__ == "__main__":
    main()
