"""`nas check`: what the Edge TPU would take of a TFLite file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.tflite", type=Path, help="any TFLite file")


def _run(arguments: Namespace) -> Result:
    from nas.export.edgetpu import check

    verdict = check(arguments.file)
    return {
        "file": str(arguments.file),
        "edgetpu": verdict.edgetpu,
        "cut": verdict.cut,
        "basis": verdict.basis,
        "ops": [
            {"op": op.op, "version": op.version, "count": op.count, "mapped": op.mapped, "reason": op.reason}
            for op in verdict.ops
        ],
    }


def _show(result: Result) -> None:
    rows = [(op["op"], op["version"], op["count"], op["mapped"], op["reason"]) for op in result["ops"]]
    print_table(("op", "version", "count", "mapped", "reason"), rows)
    if result["edgetpu"]:
        print(f"{result['file']}: all of it would run on the Edge TPU")
    else:
        print(f"{result['file']}: not all of it would run on the Edge TPU; the first op that stays is {result['cut']}")
    print(f"({result['basis']})")


COMMAND = Command(
    "check",
    "say op by op what the Edge TPU would take of a TFLite file, and why not",
    ("nas check model_int8.tflite", "nas check model_int8.tflite --json"),
    _add_arguments,
    _run,
    _show,
)
