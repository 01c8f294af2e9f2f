"""Does a search find a better network than a sensible engineer's choice, at no more latency?

    python benchmarks/search.py --data FOLDER [--only NETWORK] [--quick]

FOLDER is where tensorflow-datasets keeps CIFAR-10. Two references that are published for such devices are
fitted to pictures of 32x32 and to the same estimated latency; `search.yaml` is searched within the lower of the
two latencies and the higher of the two counts of multiply-accumulates. Winner and references are then trained
from scratch with the same recipe and the same pictures, each with SEEDS. Everything goes on where it was stopped
when the same command is given again; each training that ends adds a row to `results/search.csv`. With --only
one network alone is trained, and no table written, so that several commands may share a machine once the search
has ended. --quick tries the same with next to no training, and writes into its runs' folder alone. Writes
`results/search.md`.
"""

import argparse
import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median, stdev

from experiment import markdown
from machine import header
from search_table import as_csv

from experiments.context import Context
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment, load_experiment
from experiments.stages.search import run_search
from experiments.study import records_of
from nas.architecture import Architecture
from nas.files import write_text
from nas.latency import find_device
from nas.trace import trace
from nas.train import Epoch, accuracy, train
from nas.train.checkpoint import load_trained
from nas.train.data import with_pictures
from scaling import scale
from search_spaces.zoo import zoo

ROOT = Path(__file__).parent
EXPERIMENT = ROOT / "search.yaml"
DEVICE = "edgetpu-usb"
PIXELS = 32
DEPTH = 0.5  # of the published networks: pictures of 49 times fewer pixels
WIDTH = 0.35  # of MobileNet v2, a published one; the other is as wide as the same latency allows
STEP = 0.05  # between widths that are tried
SEEDS = (0, 1, 2)
PICTURES = 15_000
WINNER = "the search's winner"
REFERENCES = {"mobilenet-v2": "MobileNet v2", "efficientnet-edgetpu-s": "EfficientNet-EdgeTPU-S"}
NETWORKS = {"winner": WINNER, **REFERENCES}
QUICK = ("search.trained=2", "search.pictures=256", "search.recipe.epochs=1", "train.epochs=1", "train.batch_size=64")
QUICK_PICTURES = 256
OUTCOMES = ("trained", "infeasible", "duplicate", "failed")
COLUMNS = (
    "network",
    "digest",
    "seed",
    "epochs",
    "pictures",
    "test_accuracy",
    "validation_accuracy",
    "cores",
    "minutes",
    "images_per_second",
)
PACKAGES = ("edgescale", "jax", "flax", "optax", "optuna", "tensorflow-datasets")

Row = Mapping[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="where tensorflow-datasets keeps its data")
    parser.add_argument("--runs", type=Path, default=Path("runs/search"), help="where search and trainings are kept")
    parser.add_argument("--only", choices=NETWORKS, help="train this network alone, and write no table")
    parser.add_argument("--quick", action="store_true", help="next to no training, to see that all of it works")
    options = parser.parse_args()
    references = fitted()
    out = options.runs if options.quick else ROOT / "results"
    settings = [*limits(references.values()), *(QUICK if options.quick else ())]
    settings += [f"data.data_dir={options.data}"] if options.data else []
    with RunProgress(1) as progress:
        context = searched(load_experiment(EXPERIMENT, settings), options.runs / "found", progress)
    networks = {"winner": winner(context), **references}
    for seed in SEEDS[:1] if options.quick else SEEDS:
        for name in networks:
            if options.only in (None, name):
                pictures = QUICK_PICTURES if options.quick else PICTURES
                keep(context, name, networks[name], seed, pictures, options.runs, out / "search.csv")
    if not options.only:
        write_text(out / "search_trials.csv", context.path("trials.csv").read_text())
        write_text(out / "search.md", report(context, networks, read(out / "search.csv")))


def fitted() -> dict[str, Architecture]:
    """The references for small pictures: MobileNet v2 at its width, the other as wide as that one's latency allows."""
    mobile, other = (at_pixels(zoo(name)) for name in REFERENCES)
    first = scale(mobile, WIDTH, DEPTH)
    widths = [STEP * n for n in range(round(1 / STEP), 0, -1)]
    within = (at for width in widths if latency(at := scale(other, width, DEPTH)) <= latency(first))
    return dict(zip(REFERENCES, (first, next(within)), strict=True))


def at_pixels(network: Architecture) -> Architecture:
    """A network of 224 pixels for `PIXELS` and ten classes; its stem keeps all of them, as is usual for so few."""
    lines = network.text.splitlines()
    lines[0] = f"input {PIXELS}x{PIXELS}x3"
    lines[1] = lines[1].replace(" s2 ", " s1 ")
    lines[-1] = lines[-1].replace("c1000", "c10")
    return Architecture.parse("\n".join(lines))


def latency(network: Architecture) -> float:
    """Milliseconds on the device, estimated."""
    return find_device(DEVICE).latency(trace(network)).ms


def limits(references: Iterable[Architecture]) -> list[str]:
    """The settings of the search that hold it within what the references cost."""
    references = list(references)
    most = max(trace(network).macs for network in references)
    return [f"search.limits={{{DEVICE}: {min(map(latency, references)):.9f}, macs: {most}}}"]


def searched(experiment: Experiment, folder: Path, progress: RunProgress) -> Context:
    """The search, or its rest, or what is known of one that has ended."""
    if RunFolder(folder).result("search") is None:
        with RunFolder.claim(folder, experiment) as claimed:
            context = Context.load(experiment, claimed, progress)
            record = run_search(context)
            records = records_of(context)
            counts = {key: sum(one.outcome == key for one in records) for key in OUTCOMES}
            seconds = sum(one.seconds for one in records)
            claimed.finish("search", {"winner": record.architecture.text, "seconds": seconds, **counts})
            return context
    return Context.load(experiment, RunFolder(folder), progress)


def winner(context: Context) -> Architecture:
    """What the search has found."""
    return Architecture.parse((context.folder.result("search") or {})["winner"])


def keep(context: Context, name: str, network: Architecture, seed: int, pictures: int, runs: Path, file: Path) -> None:
    """Trains a network to the end, or the rest of it, and adds its row, unless it has one."""
    if (name, network.digest, str(seed)) in {(row["network"], row["digest"], row["seed"]) for row in read(file)}:
        return

    def say(epoch: Epoch) -> None:
        about = f"{epoch.validation_accuracy:.4f}  {epoch.seconds:.0f} s  {epoch.images_per_second:.0f} images/s"
        print(f"{name} {seed}  epoch {epoch.epoch}  {about}", flush=True)

    folder = (runs / f"{name}-{network.digest}-{seed}").absolute()
    dataset = context.sized(network.resolution)
    # The same pictures for all: seeds decide the weights and the order.
    seen = with_pictures(dataset, pictures, context.experiment.seed)
    trained = train(network, seen, context.experiment.train.recipe, seed=seed, checkpoints=folder, progress=say)
    best = load_trained(folder)
    values = (
        name,
        network.digest,
        seed,
        len(trained.history),
        pictures,
        f"{accuracy(best.network, dataset.test):.4f}",
        f"{best.history[-1]['validation_accuracy']:.4f}",
        len(os.sched_getaffinity(0)),
        f"{trained.seconds / 60:.1f}",
        f"{median(epoch.images_per_second for epoch in trained.history):.0f}",
    )
    write_text(file, as_csv([*read(file), dict(zip(COLUMNS, map(str, values), strict=True))]))


def read(file: Path) -> list[dict[str, str]]:
    """The rows of trainings that ended."""
    if not file.exists():
        return []
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def report(context: Context, networks: Mapping[str, Architecture], rows: Sequence[Row]) -> str:
    """The results as Markdown."""
    mine = {name: [row for row in rows if row["digest"] == networks[name].digest] for name in networks}
    tested = {name: [float(row["test_accuracy"]) for row in found] for name, found in mine.items()}
    lines = [line(name, networks[name], found) for name, found in mine.items()]
    better = max(REFERENCES, key=lambda name: mean(tested[name]))
    points = 100 * (mean(tested["winner"]) - mean(tested[better]))
    compared = f"{abs(points):.2f} points {'above' if points >= 0 else 'below'} {REFERENCES[better]}"
    columns = ("network", "parameters", "M MACs", f"{DEVICE} ms (estimate)", "test %", "spread", "seeds", "images/s")
    texts = [f"### {NETWORKS[name]}\n\n```\n{network.text}```" for name, network in networks.items()]
    return "\n\n".join(
        [
            "# A search against two published networks",
            "Written by `benchmarks/search.py`; every training is in `search.csv`, every trial of the search in "
            "`search_trials.csv`.",
            markdown(("what", "found"), about(context, mine["winner"])),
            f"The references have {DEPTH:g} times their published depth and a stem that keeps all {PIXELS} pixels; "
            f"MobileNet v2 has {WIDTH:g} times its width, EfficientNet-EdgeTPU-S the largest (by {STEP:g}) whose "
            "estimate is not above that one's. All networks are trained from scratch alike, and tested after the "
            "epoch that is best in validation. The spread is the standard deviation over seeds.",
            markdown(columns, lines),
            f"On average the winner is {compared}, the better of the two.",
            *texts,
        ]
    ) + "\n"  # fmt: skip


def about(context: Context, trainings: Sequence[Row]) -> list[tuple[str, str]]:
    """What was done, and where."""
    done, settings = context.folder.result("search") or {}, context.experiment.search
    most = context.bounds.most
    recipe, last = settings.recipe, trainings[-1]
    return [
        *header(PACKAGES),
        ("search", f"{settings.sampler}, {done['seconds'] / 60:.0f} minutes of trials, seed {context.experiment.seed}"),
        ("limits", f"{most[DEVICE]:.4f} ms on {DEVICE} (estimate), {most['macs'] / 1e6:.2f} M MACs"),
        ("trials", ", ".join(f"{done[key]} {key}" for key in OUTCOMES)),
        ("trial recipe", f"{recipe.epochs} epochs of {settings.pictures} pictures"),
        ("training", f"{last['epochs']} epochs of {last['pictures']} pictures; cores: {last['cores']}"),
    ]


def line(name: str, network: Architecture, trainings: Sequence[Row]) -> tuple[str, ...]:
    """A network's row: what it costs, and how well it does."""
    traced, tested = trace(network), [100 * float(row["test_accuracy"]) for row in trainings]
    return (
        NETWORKS[name],
        f"{traced.params:,}",
        f"{traced.macs / 1e6:.2f}",
        f"{latency(network):.4f}",
        f"{mean(tested):.2f}",
        f"{stdev(tested):.2f}" if len(tested) > 1 else "",
        ", ".join(f"{value:.2f}" for value in tested),
        f"{median(float(row['images_per_second']) for row in trainings):.0f}",
    )


if __name__ == "__main__":
    main()
