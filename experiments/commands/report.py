"""`nas report`: writes a run's report again."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", type=Path, help="a run's folder")


def _run(arguments: Namespace) -> Result:
    from experiments.report import write_report

    return {"file": str(write_report(arguments.dir))}


def _show(result: Result) -> None:
    print(result["file"])


COMMAND = Command("report", "write a run's report again", ("nas report runs/quickstart",), _add_arguments, _run, _show)
