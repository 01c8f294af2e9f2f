"""The part of `nas scale` that finds the coefficients: its options, its run, and what it prints."""

import re
import shlex
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from experiments.commands.command import DATA_OPTIONS, Result, add_data, positive, print_table
from nas.errors import InputError

_OPTIONS: dict[str, tuple[str, ...]] = {
    **DATA_OPTIONS,
    "epochs": ("recipe", "epochs"),
    "pictures": ("pictures",),
    "cost": ("cost",),
    "parts": ("parts",),
    "seed": ("seed",),
}
_RULES = ("divisor", "multiple", "depths", "fixed_stem_head", "fixed_ends")
EPOCHS = 5


def add_arguments(parser: ArgumentParser) -> None:
    """The options that stand with --search, and --search itself."""
    group = parser.add_argument_group("finding the coefficients by short trainings, for networks of your own")
    group.add_argument("--search", action="store_true", help="try proportions that cost twice as much; needs --data")
    add_data(group, "pictures, as `nas train --data` takes them", default=SUPPRESS)
    group.add_argument(
        "--epochs", metavar="N", type=int, default=SUPPRESS, help=f"of each training (default: {EPOCHS})"
    )
    group.add_argument(
        "--pictures", metavar="N", type=int, default=SUPPRESS, help="the most to train on (default: all)"
    )
    group.add_argument("--cost", metavar="C", default=SUPPRESS, help="what doubles: macs, or a device's latency")
    group.add_argument(
        "--parts", metavar="N", type=int, default=SUPPRESS, help="in how many parts doubling is shared (default: 4)"
    )
    group.add_argument(
        "--workers", metavar="N", type=positive, default=SUPPRESS, help="processes that train (default: this one alone)"
    )
    group.add_argument("--seed", metavar="N", type=int, default=SUPPRESS, help="of pictures and weights (default: 0)")
    group.add_argument(
        "--set", metavar="a.b=c", action="append", default=SUPPRESS, help="any other setting of data or recipe"
    )


def require_search(arguments: Namespace) -> None:
    """Raises `InputError` for options of a search where there is none, and for one without pictures."""
    given = [name for name in (*_OPTIONS, "workers", "set") if hasattr(arguments, name)]
    if given and not arguments.search:
        raise InputError(f"--{given[0].replace('_', '-')}: is of a search for coefficients; expected --search with it")
    if arguments.search and not hasattr(arguments, "data"):
        raise InputError("--search: trains networks; expected --data with it, as in --data cifar10")


def run(arguments: Namespace) -> Result:
    """Searches, or goes on with a search."""
    from experiments.architectures import load_architecture
    from experiments.proportion_search import search_proportions
    from experiments.proportion_settings import ProportionSearch
    from experiments.training import settings

    name, architecture, _ = load_architecture(arguments.arch)
    values: dict[Any, Any] = {("recipe", "epochs"): (f"--epochs {EPOCHS}", EPOCHS)}
    for option, path in _OPTIONS.items():
        if (value := getattr(arguments, option, None)) is not None:
            values[path] = (f"--{option.replace('_', '-')} {value}", value)
    values |= {(rule,): (f"--{rule.replace('_', '-')}", getattr(arguments, rule)) for rule in _RULES}
    values |= {("name",): (name, name), ("architecture",): (name, architecture.text)}
    search = settings(values, getattr(arguments, "set", []), ProportionSearch, "nas scale --search")
    folder = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{name}-proportions").strip("-.")
    out = arguments.out or Path("runs") / folder
    return {**search_proportions(search, out, getattr(arguments, "workers", 0)), "arch": arguments.arch}


def show(result: Result) -> None:
    """The proportions by accuracy, and how the best are used."""
    columns = (
        "alpha",
        "beta",
        "gamma",
        f"times the {result['cost']}",
        "resolution",
        "parameters",
        "M MACs",
        "accuracy",
    )
    rows = [
        (
            *(row[name] for name in ("alpha", "beta", "gamma", "times", "resolution", "params")),
            row["macs"] / 1e6,
            f"{row['accuracy']:.2%}" if row["accuracy"] is not None else f"failed: {row['reason']}",
        )
        for row in result["rows"]
    ]
    print_table(columns, rows, title=f"{result['baseline']} at about twice its cost, on {result['data']}")
    error, good = result["standard_error"], result["as_good"]
    print(f"validation accuracy has a standard error of {error:.2%}: {good} of {len(rows)} are within one of the best")
    options = " ".join(f"--{name} {value:g}" for name, value in result["coefficients"].items())
    print(f"use: nas scale {shlex.quote(result['arch'])} --phi 1,2,3 {options} {result['rules']}".rstrip())
    print(f"folder: {result['out']}")
