"""The `nas` command: reads its arguments, runs one subcommand, and turns bad input into one line."""

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

from experiments.commands import COMMANDS, Command
from experiments.commands.command import Result
from nas.errors import InputError, one_line

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `nas`: exits with 0, with 2 after one line about bad input, with 130 on Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where Ctrl-C is to be ignored
        signal.signal(signal.SIGINT, _Interrupt())
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        # The reader has gone, as `head` does; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


class _Interrupt:
    """What Ctrl-C does: ends at once, which a run is made for.

    As an exception, Ctrl-C would be logged at length by one library and swallowed by another.
    """

    said = ""  # beside that it was interrupted

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        cursor = "\x1b[?25h" if os.isatty(2) else ""  # a progress bar may have hidden it
        if devices := sys.modules.get("nas.latency.command"):
            devices.end_commands()
        os.write(2, f"{cursor}\nnas: interrupted{self.said}\n".encode())
        os._exit(INTERRUPTED)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    parsed = _parser().parse_args(arguments)
    command: Command = parsed.command
    interrupt = signal.getsignal(signal.SIGINT)
    if isinstance(interrupt, _Interrupt) and command.goes_on(parsed):
        interrupt.said = f"; `nas {command.name}` goes on from here when given again"
    try:
        # Libraries may print what they like; standard output is for the answer alone.
        with contextlib.redirect_stdout(sys.stderr):
            result = command.run(parsed)
        _answer(command, result, parsed.json)
    except InputError as error:
        print(f"nas {command.name}: {one_line(' '.join(str(error).split()))}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        if error.filename is None:
            raise
        # Asking about a path fails by itself where it is too long, or lies in a folder of somebody else.
        found = f"{error.filename}: cannot be used ({error.strerror}); expected another path"
        print(f"nas {command.name}: {one_line(found)}", file=sys.stderr)
        return BAD_INPUT
    return 0


def _answer(command: Command, result: Result, as_json: bool) -> None:
    try:
        if as_json:
            print(json.dumps(result, indent=2, allow_nan=False))
        else:
            command.show(result)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise InputError(f"standard output: cannot be written ({error.strerror}); expected room for it") from error


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'", file=sys.stderr)
        sys.exit(BAD_INPUT)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="nas",
        description="Searches, scales, trains and exports image classifiers for small devices.",
        epilog="examples:\n  nas run experiments/quickstart.yaml\n  nas cost efficientnet-b0\n  nas COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for command in COMMANDS:
        sub = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="\n".join(["examples:", *(f"  {example}" for example in command.examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON document to standard output")
        sub.set_defaults(command=command)
    return parser
