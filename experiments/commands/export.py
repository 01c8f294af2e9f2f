"""`nas export`: a run's winner, or any architecture, as a TFLite file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result

FORMATS = ("float32", "float16", "int8")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="ARCH_OR_RUN", help="a run's folder (its trained winner), or an architecture (fresh weights)"
    )
    parser.add_argument("--format", choices=FORMATS, default="int8", help="how weights are kept (default: int8)")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")


def _run(arguments: Namespace) -> Result:
    from experiments.export_command import export_model

    verdict = export_model(arguments.source, arguments.format, arguments.out)
    return {
        "file": str(arguments.out),
        "bytes": arguments.out.stat().st_size,
        "edgetpu": verdict.edgetpu,
        "reasons": [f"{op.op}: {op.reason}" for op in verdict.ops if not op.mapped],
    }


def _show(result: Result) -> None:
    print(f"{result['file']}: {result['bytes']:,} bytes")
    print("the Edge TPU would take " + ("all of it" if result["edgetpu"] else "not all of it:"))
    for reason in result["reasons"]:
        print(f"  {reason}")


COMMAND = Command(
    "export",
    "write a run's winner, or any architecture, as a TFLite file",
    (
        "nas export runs/quickstart --format int8 --out model.tflite",
        "nas export mobilenet-v1 --format float16 --out mobilenet.tflite",
    ),
    _add_arguments,
    _run,
    _show,
)
