"""`nas quantization`: a trained network as int8 by several methods, and the layers that it loses in."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, add_data, positive, print_table

METHODS = "max,mse,percentile,max+bias,mse+bias,mse+equal+bias"
SHOWN = 10  # layers


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="RUN", help="the folder of a run, a training or an import")
    parser.add_argument(
        "--methods",
        metavar="M,...",
        default=METHODS,
        help="where ranges end (max, mse or percentile), with +equal to equalize channels across layers and +bias to "
        f"correct biases (default: {METHODS})",
    )
    parser.add_argument(
        "--images", metavar="N", type=positive, default=10_000, help="the most test pictures to judge by (10000)"
    )
    add_data(parser, "where RUN's pictures are now (default: where they were)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="for the files and layers.csv (default: RUN/int8)")


def _run(arguments: Namespace) -> Result:
    from experiments.export_source import Moved
    from experiments.quantization_command import compare_methods
    from nas.export.quantization.method import Method

    methods = [Method.parse(text) for text in dict.fromkeys(arguments.methods.split(","))]
    out = arguments.out or Path(arguments.source) / "int8"
    return compare_methods(arguments.source, methods, arguments.images, out, Moved(arguments.data, arguments.data_dir))


def _show(result: Result) -> None:
    rows = [("float, Flax", _share(result["accuracy"]), "", "")]
    rows += [(r["method"], _share(r["accuracy"]), _share(r["agreement"]), f"{r['snr']:.1f}") for r in result["methods"]]
    title = f"{result['pictures']:,} {result['split']} pictures"
    print_table(("method", "accuracy", "agreement", "dB of the outputs"), rows, title=title)
    layers = [
        (e["place"], e["op"], e["name"].split("/")[-1], f"{e['snr']:.1f}", f"{e['lost']:.1f}", e["helps"])
        for e in result["layers"][:SHOWN]
    ]
    title = f"the layers worst off, by {result['layers_of']}; all in {result['out']}/layers.csv"
    print_table(("place", "op", "layer", "dB", "dB lost", "what helps"), layers, title=title)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


COMMAND = Command(
    "quantization",
    "compare ways to int8, and see which layers lose by it",
    (
        "nas quantization runs/quickstart",
        "nas quantization runs/mine --methods max,mse+bias --images 2000 --out /tmp/int8 --json",
    ),
    _add_arguments,
    _run,
    _show,
)
