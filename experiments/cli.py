"""The `nas` command: reads its arguments, runs one subcommand, and turns bad input into one line."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from experiments.commands import COMMANDS, Command
from nas.errors import InputError

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `nas`: exits with 0, or with 2 after one line about bad input."""
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("nas: interrupted; the same command goes on from here", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as `head` does; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code."""
    parsed = _parser().parse_args(arguments)
    command: Command = parsed.command
    try:
        # Libraries may print what they like; standard output is for the answer alone.
        with contextlib.redirect_stdout(sys.stderr):
            result = command.run(parsed)
    except InputError as error:
        print(f"nas {command.name}: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    if parsed.json:
        print(json.dumps(result, indent=2, allow_nan=False))
    else:
        command.show(result)
    return 0


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
