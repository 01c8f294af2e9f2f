"""How much training a larger network is spared that begins with a smaller one's weights.

    python benchmarks/warm_start.py [--data cifar10 --data-dir FOLDER]

The small baseline of `scaling_dimensions.py` is trained, and the member of about twice its MACs
twice: from fresh weights, and grown from the baseline. On scikit-learn's digits, or on part of
cifar10, which tensorflow-datasets has prepared in FOLDER. Writes results/warm_start_DATA.md with
the validation accuracy after every epoch.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from experiment import markdown
from machine import header
from scaling_dimensions import BASELINE, RULES

from experiments.starting import some_pictures
from nas.architecture import Architecture
from nas.files import write_text
from nas.trace import trace
from nas.train import Dataset, Recipe, Trained, load_dataset, train
from nas.train.data import with_pictures
from nas.train.names import network_arrays
from nas.train.transfer import Start
from scaling import fit
from scaling.grow import grow

TIMES = 2
SEEDS = (0, 1)
PICTURES = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("digits", "cifar10"), default="digits")
    parser.add_argument("--data-dir", help="where tensorflow-datasets has cifar10")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    dataset = with_pictures(load_dataset(options.data, data_dir=options.data_dir), PICTURES, 0)
    recipe = Recipe(epochs=options.epochs, warmup_epochs=0.5)
    small_one = BASELINE.with_input(channels=dataset.channels)
    member = larger(small_one)
    curves: dict[str, list[list[float]]] = {"the small network": [], "fresh weights": [], "grown": []}
    said = ""
    for seed in SEEDS:
        small = train(small_one, dataset, recipe, seed=seed)
        start, said = grown(small_one, small, member, dataset, seed)
        ways = {"the small network": small, "fresh weights": train(member, dataset, recipe, seed=seed)}
        ways["grown"] = train(member, dataset, recipe, seed=seed, start=start)
        for way, trained in ways.items():
            curves[way].append([epoch.validation_accuracy for epoch in trained.history])
            print(seed, way, *(f"{epoch.validation_accuracy:.2%}" for epoch in trained.history), flush=True)
    text = document(curves, (small_one, member), recipe, dataset, said)
    write_text(options.out / f"warm_start_{options.data}.md", text)


def larger(small: Architecture) -> Architecture:
    """The member of at most twice the MACs, by the paper's proportions."""
    most = TIMES * trace(small).macs
    return fit(small, lambda architecture: trace(architecture).macs / most, "twice", rules=RULES).member.architecture


def grown(
    architecture: Architecture, small: Trained, member: Architecture, dataset: Dataset, seed: int
) -> tuple[Start, str]:
    """The start from the small network's weights, and what became of them."""
    pictures = some_pictures(dataset, architecture.resolution)
    found = grow(architecture, network_arrays(small.network), member, pictures, seed)
    return Start("the small network", found.arrays), str(found)


def document(
    curves: dict[str, list[list[float]]],
    networks: Sequence[Architecture],
    recipe: Recipe,
    dataset: Dataset,
    said: str,
) -> str:
    """The table as Markdown."""
    rows = [(way, *(f"{100 * mean(column):.2f}" for column in zip(*runs, strict=True))) for way, runs in curves.items()]
    columns = ("begins with", *(f"epoch {number}" for number in range(1, recipe.epochs + 1)))
    sizes = ", ".join(f"{trace(a).macs / 1e6:.2f} M MACs at {a.resolution} pixels" for a in networks)
    facts = [
        *header(("jax", "flax", "optax")),
        ("networks", sizes),
        (
            "data",
            f"{dataset.name}: {len(dataset.train):,} pictures to train on, {len(dataset.validation):,} to validate",
        ),
        ("recipe", f"{recipe.epochs} epochs, batches of {recipe.batch_size}, {recipe.optimizer}, the same for all"),
        ("grown", said),
    ]
    return "\n\n".join(
        [
            "# Warm start of a larger member",
            "Written by `benchmarks/warm_start.py`: validation accuracy in per cent after each epoch, "
            f"mean of {len(SEEDS)} seeds.",
            markdown(("what", "found"), facts),
            markdown(columns, rows),
            verdict([mean(column) for column in zip(*curves["fresh weights"], strict=True)],
                    [mean(column) for column in zip(*curves["grown"], strict=True)]),
        ]
    ) + "\n"  # fmt: skip


def verdict(fresh: Sequence[float], grown: Sequence[float]) -> str:
    """After how many epochs the grown network is where the fresh one ends."""
    reached = next((number for number, score in enumerate(grown, start=1) if score >= fresh[-1]), None)
    if reached is None:
        return f"Grown, it does not reach the {fresh[-1]:.2%} that fresh weights end with."
    return (
        f"Grown, it is after {reached} of {len(fresh)} epochs where fresh weights end ({fresh[-1]:.2%}), "
        f"and ends with {grown[-1]:.2%}. The small network's own training is not counted: a family has it anyway."
    )


if __name__ == "__main__":
    main()
