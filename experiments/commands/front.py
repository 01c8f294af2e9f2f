"""`nas front`: the networks of a run that no other beats in all objectives, so far."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", type=Path, help="a run's folder; the run may be under way")


def _run(arguments: Namespace) -> Result:
    from experiments.answers import read_front

    return read_front(arguments.dir)


def _show(result: Result) -> None:
    from experiments.answers import progress_line

    names = result["objectives"]
    rows = [
        (row["trial"], *(row["values"][name] for name in names), "; ".join(row["architecture"].splitlines()))
        for row in result["front"]
    ]
    print_table(("trial", *names, "architecture"), rows)
    print(progress_line(result["search"]))


COMMAND = Command(
    "front",
    "show the networks of a run that no other beats in all objectives, also while it is under way",
    ("nas front runs/quickstart", "nas front runs/quickstart --json"),
    _add_arguments,
    _run,
    _show,
)
