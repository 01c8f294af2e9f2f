"""`nas check`: what the Edge TPU would take of a TFLite file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.tflite", type=Path, help="any TFLite file")


def _run(arguments: Namespace) -> Result:
    from experiments.check_command import check_file

    return check_file(arguments.file)


def _show(result: Result) -> None:
    rows = [(op["op"], op["version"], op["count"], op["mapped"], op["reason"]) for op in result["ops"]]
    print_table(("op", "version", "count", "mapped", "reason"), rows)
    for op in result["ops"]:
        if op["change"]:
            print(f"{op['op']} version {op['version']}: {op['change']}")
    if result["edgetpu"]:
        print(f"{result['file']}: all {result['operators']} operators would run on the Edge TPU")
    else:
        print(f"{result['file']}: {result['mapped']} of {result['operators']} operators would run on the Edge TPU")
        print(
            f"the first that stays is {result['cut']}: {result['before']} before it and {result['after']} after it map"
        )
    print(f"({result['basis']})")
    if said := result["metadata"]:
        mean, std = (", ".join(map(str, said[key])) or "nothing" for key in ("mean", "std"))
        print(f"metadata: {said['labels']} labels; pixels of 0..255 less {mean}, over {std}")
    _show_estimates(result)
    _show_compiled(result)
    print(result["device"]["said"])


def _show_estimates(result: Result) -> None:
    if weights := result["weights"]:
        cached, streamed = (f"{weights[key] / 2**20:.4g} MiB" for key in ("cached", "streamed"))
        print(f"weights: {cached} kept on the chip, {streamed} streamed at every inference (estimate)")
    for device, ms in result["latency_ms"].items():
        print(f"{device}: {ms:.4g} ms ({result['evidence'][device]})")
    if (measured := result["device"]["measured_ms"]) is not None:
        print(f"this machine's Edge TPU: {measured:.4g} ms (measured)")


def _show_compiled(result: Result) -> None:
    compiled = result["compiler"]
    if not compiled["found"]:
        print(compiled["said"])
        return
    print_table(
        ("op", "count", "what the compiler says"), [(op["op"], op["count"], op["status"]) for op in compiled["ops"]]
    )
    agrees = "as predicted" if compiled["mapped"] == result["mapped"] else f"where {result['mapped']} were predicted"
    print(f"edgetpu_compiler {compiled['version']}: {compiled['said']}, {agrees}")
    if compiled["file"]:
        print(f"kept as {compiled['file']}")


COMMAND = Command(
    "check",
    "say op by op what the Edge TPU would take of a TFLite file, and why not",
    ("nas check model_int8.tflite", "nas check model_int8.tflite --json"),
    _add_arguments,
    _run,
    _show,
)
