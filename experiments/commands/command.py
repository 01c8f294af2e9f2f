"""What a subcommand is: its help, its arguments, what it computes, and how that is shown.

Modules of commands import what they need inside their functions: `nas check` must not
wait for JAX, nor `nas cost` for TensorFlow.
"""

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _ActionsContainer
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

Result = dict[str, Any]


def always(_arguments: Namespace) -> bool:
    """For `Command.goes_on`: whatever is asked for."""
    return True


def never(_arguments: Namespace) -> bool:
    """For `Command.goes_on`: nothing is kept."""
    return False


@dataclass(frozen=True)
class Command:
    """A subcommand; `run` gives what `--json` prints, `show` prints it for people.

    `goes_on` says whether the same command, given again after it was stopped, goes on where it was.
    """

    name: str
    summary: str
    examples: Sequence[str]
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Result]
    show: Callable[[Result], None]
    goes_on: Callable[[Namespace], bool] = never


DATA_OPTIONS = {"data": ("data", "dataset"), "data_dir": ("data", "data_dir")}  # and where settings have them


def add_data(parser: _ActionsContainer, about: str, **more: Any) -> None:
    """The options that say which pictures, and where tensorflow-datasets has them."""
    parser.add_argument("--data", metavar="D", help=about, **more)
    parser.add_argument("--data-dir", metavar="DIR", help="where data sets of tensorflow-datasets are prepared", **more)


def positive(text: str) -> int:
    """An argument that is an integer of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ArgumentTypeError(f"found '{text}'; expected an integer of at least 1")
    return value


def pair_of_numbers(text: str) -> tuple[float, float]:
    """An argument that is two different finite numbers with a comma between."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise ArgumentTypeError(f"found '{text}'; expected two numbers, as in -1,1")
    return low, high


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Prints a table to standard output; numbers stand right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numbers = all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    # In a pipe nothing wraps: the reader may be `grep`. Names of files are no markup.
    Console(width=None if sys.stdout.isatty() else 200, markup=False, emoji=False).print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    # Names of files may be any bytes; what stands for those has no width.
    return f"{value:.4g}" if isinstance(value, float) else str(value).encode(errors="backslashreplace").decode()
