"""`nas calibrate`: a predictor of a device's latency, fitted to measurements."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

from experiments.commands.command import Command, Result, positive
from nas.errors import InputError

SAMPLES, HELD_OUT = 150, 50
MOST = 10_000  # of either: the memory to choose samples with grows with their square
RANKS = {"spearman": "Spearman", "kendall": "Kendall"}
SHOWN = {
    "within_5": "within 5 %",
    "within_10": "within 10 %",
    "within_20": "within 20 %",
    "rmspe": "RMSPE",
    "median": "median error",
    "worst": "worst error",
    **RANKS,
}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="a device that measures: its name or file (see `nas devices`)")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the device file to write, .json")
    parser.add_argument(
        "--space", metavar="SPACE", help="where architectures come from: a name, a .arch file, or an experiment's YAML"
    )
    parser.add_argument(
        "--samples",
        metavar="N",
        type=_between(1, MOST),
        default=SAMPLES,
        help=f"architectures to fit on (default: {SAMPLES})",
    )
    parser.add_argument(
        "--held-out",
        metavar="M",
        type=_between(0, MOST),
        default=HELD_OUT,
        help=f"others, to judge by (default: {HELD_OUT})",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=_between(0, 999_999_999),
        default=0,
        help="of the choice of architectures (default: 0)",
    )
    parser.add_argument("--name", metavar="NAME", help="what experiments call the predictor (default: that of FILE)")
    parser.add_argument("--measurements", metavar="CSV", type=Path, help="fit to these instead of measuring")
    parser.add_argument(
        "--measurements-out", metavar="CSV", type=Path, help="keeps the measurements (default: FILE as .csv)"
    )
    parser.add_argument("--models", metavar="DIR", type=Path, help="keeps the .tflite files (default: FILE as .models)")
    parser.add_argument("--jobs", metavar="J", type=positive, default=1, help="conversions at a time (default: 1)")
    parser.add_argument(
        "--export-only",
        action="store_true",
        help="only write the .tflite files; without this, the same command goes on",
    )


def _between(least: int, most: int) -> Callable[[str], int]:
    """An argument that is an integer in those bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
            raise ArgumentTypeError(f"found '{text}'; expected an integer from {least} to {most}")
        return int(text)

    return read


def _run(arguments: Namespace) -> Result:
    from experiments.calibrate_command import Plan, brought_along, calibrate

    if arguments.out.suffix != ".json":
        raise InputError(f"--out: found {arguments.out}; expected a file that ends in .json")
    name = arguments.name or arguments.out.stem
    if arguments.measurements is not None:
        if arguments.space is not None or arguments.export_only:
            raise InputError("--measurements: fits to what the file holds; expected neither --space nor --export-only")
        return brought_along(arguments.device, arguments.measurements, name, arguments.out, arguments.seed)
    if arguments.space is None:
        raise InputError("--space: is missing; expected what to choose architectures from, or --measurements FILE.csv")
    plan = Plan(
        arguments.device,
        arguments.space,
        arguments.samples,
        arguments.held_out,
        arguments.seed,
        arguments.models or arguments.out.with_suffix(".models"),
        arguments.measurements_out or arguments.out.with_suffix(".csv"),
        arguments.jobs,
    )
    return calibrate(plan, name, arguments.out, arguments.export_only)


def _show(result: Result) -> None:
    if "out" not in result:
        print(f"{result['models']} models as {result['precision']} in {result['folder']}, ready to be measured")
        return
    print(f"{result['out']}: {result['name']}, fitted to {result['fitted_on']} measurements of {result['device']}")
    errors = result["errors"]
    print(f"error on {errors['networks']:g} {result['method']}:")
    for key, name in SHOWN.items():
        print(f"  {name:<14}{errors[key]:{'.4f' if key in RANKS else '.1%'}}")
    if errors.get("refused"):
        print(f"  refused       {errors['refused']}")


COMMAND = Command(
    "calibrate",
    "fit a predictor of a device's latency to measurements of it",
    (
        "nas calibrate host --space experiments/quickstart.yaml --samples 100 --out devices/host-quickstart.json",
        "nas calibrate devices/board.json --space edge-tiny --export-only --out devices/board-fitted.json",
        "nas calibrate pixel --measurements pixel.csv --out devices/pixel.json",
    ),
    _add_arguments,
    _run,
    _show,
    lambda arguments: arguments.measurements is None,
)
