"""Runs an experiment, or takes a finished run, and writes what came out as a table.

    python benchmarks/experiment.py experiments/cifar10_edgetpu.yaml --set data.data_dir=FOLDER

writes results/cifar10_edgetpu.md and, with all trials, results/cifar10_edgetpu_trials.csv.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.runner import run_experiment
from experiments.schema import Experiment, load_experiment
from nas.files import write_text

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, help="the run's folder (default: runs/NAME)")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c")
    arguments = parser.parse_args()
    experiment = load_experiment(arguments.experiment, arguments.set)
    out = arguments.out or Path("runs") / experiment.name
    metrics = run_experiment(experiment, out)
    changed = [setting for setting in arguments.set if not setting.startswith("data.data_dir=")]
    command = " ".join([f"`{arguments.experiment.name}`", *(f"`--set {setting}`" for setting in changed)])
    write_text(RESULTS / f"{experiment.name}.md", table(experiment, command, metrics))
    shutil.copyfile(out / "trials.csv", RESULTS / f"{experiment.name}_trials.csv")


def table(experiment: Experiment, command: str, metrics: dict[str, Any]) -> str:
    """The result as Markdown: how it was measured, the winner, the exports, the family."""
    winner, search, machine = metrics["winner"], metrics["search"], metrics["machine"]
    limit = f"{search['limit_ms']:g} ms on {search['device']} ({search['evidence']})"
    facts = [
        ("experiment", f"{command}, seed {metrics['seed']}"),
        ("data", "{dataset}: {train} to train on, {validation} to validate, {test} to test".format(**metrics["data"])),
        ("machine", f"{machine['processor']}, {machine['cores']} cores"),
        ("versions", ", ".join(f"{name} {version}" for name, version in metrics["versions"].items())),
        ("search", f"{search['sampler']}, {search['architectures']} architectures within {limit}"),
        ("trials", ", ".join(f"{search[key]} {key}" for key in ("trained", "infeasible", "duplicate", "failed"))),
        ("trial recipe", f"{experiment.search.recipe.epochs} epochs of {experiment.search.pictures or 'all'} pictures"),
        ("minutes", ", ".join(f"{step} {seconds / 60:.1f}" for step, seconds in metrics["seconds"].items())),
        ("winner", f"trial {winner['trial']}: {winner['params']:,} parameters, {winner['macs'] / 1e6:.2f} M MACs"),
        ("latency", f"{metrics['latency_ms']:.4g} ms on {search['device']} ({search['evidence']})"),
        ("accuracy", f"{winner['test_accuracy']:.2%} on the test split after {winner['epochs']} epochs"),
    ]
    exports = [
        (
            row["format"],
            f"{row['accuracy']:.2%}",
            f"{row['agreement']:.2%}",
            "" if row["largest_difference"] is None else f"{row['largest_difference']:.2g}",
            f"{row['bytes']:,}",
            f"{row['latency_ms']:.3f}",
        )
        for row in metrics["export"]["rows"]
    ]
    family = [
        (
            member["name"],
            member["resolution"],
            member["channels"],
            member["depths"],
            f"{member['params']:,}",
            f"{member['macs'] / 1e6:.1f}",
            "refused" if member["latency_ms"] is None else f"{member['latency_ms']:.3f}",
            "" if member["test_accuracy"] is None else f"{member['test_accuracy']:.2%}",
        )
        for member in metrics["family"]
    ]
    device_ms = f"{search['device']} ms ({search['evidence']})"
    taken = "all ops" if metrics["export"]["edgetpu"] else "not all ops"
    costs = ("member", "resolution", "channels", "depths", "parameters", "M MACs", device_ms, "test accuracy")
    return "\n\n".join(
        [
            f"# {metrics['experiment']}",
            "Written by `benchmarks/experiment.py`.",
            markdown(("what", "found"), facts),
            "## The winner",
            f"```\n{winner['architecture']}```",
            "## As files, on the whole test split",
            markdown(("form", "accuracy", "agreement", "largest difference", "bytes", "ms, this machine"), exports),
            f"Edge TPU, by the tables of what its compiler takes: {taken}.",
            "## The family",
            markdown(costs, family),
        ]
    ) + "\n"  # fmt: skip


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    main()
