"""`nas winner`: the best network that a run has found so far."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", type=Path, help="a run's folder; the run may be under way")


def _run(arguments: Namespace) -> Result:
    from experiments.answers import read_winner

    return read_winner(arguments.dir)


def _show(result: Result) -> None:
    from experiments.answers import progress_line

    print(result["architecture"].rstrip())
    for name, value in result.get("objectives", {}).items():
        print(f"{name:15} {value:.6g}")
    evidence = result.get("evidence", {})
    for device, milliseconds in result["latency_ms"].items():
        print(f"latency         {milliseconds:.4g} ms on {device} ({evidence.get(device, 'unknown')})")
    print(f"parameters      {result['params']:,}")
    print(f"MACs            {result['macs']:,}")
    print(f"trial           {result['trial']} of {progress_line(result['search'])}")


COMMAND = Command(
    "winner",
    "show the best network a run has found so far, also while it is under way",
    ("nas winner runs/quickstart", "nas winner runs/quickstart --json"),
    _add_arguments,
    _run,
    _show,
)
