"""`nas import`: a network that was trained elsewhere, as one of ours."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, pair_of_numbers

NAMED = 3  # pictures that could not be decoded


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="FILE_OR_KERAS",
        help="a .tflite classifier, float or quantized; or keras:MobileNetV2 and others",
    )
    parser.add_argument("--arch", metavar="ARCH", help="which network it is: a name of `nas zoo`, or a file")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder to write, as a training's")
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        type=Path,
        help="pictures to compare both on, to take statistics of folded batch norms of, and for `nas export` to "
        "calibrate int8 by",
    )
    parser.add_argument(
        "--labels",
        metavar="F",
        type=Path,
        help="one label a line (default: those in the file's metadata, else labels.txt beside it)",
    )
    parser.add_argument(
        "--input-range",
        metavar="LOW,HIGH",
        type=pair_of_numbers,
        help="what a float file takes for dark and bright, as --input-range=0,1 "
        "(default: what its metadata say, else -1,1 or what it prepares itself tells)",
    )
    parser.add_argument(
        "--weights", metavar="W", default="imagenet", help="of keras: imagenet, a file of weights, or random"
    )


def _run(arguments: Namespace) -> Result:
    from experiments.import_command import import_network

    return import_network(
        arguments.source,
        arguments.out,
        arch=arguments.arch,
        images=arguments.images,
        labels=arguments.labels,
        reads=arguments.input_range,
        weights=arguments.weights,
    )


def _show(result: Result) -> None:
    print(f"network       {result['name']}, {result['params']:,} parameters, {result['classes']} classes")
    if result["agreement"] is None:
        print("agreement     not measured; --images FOLDER compares both on pictures")
    else:
        print(f"agreement     {result['agreement']:.2%} of {result['images']} pictures have the same first class")
    print(f"difference    {result['difference']:.2g} of the largest output")
    if result["statistics"]:
        print(f"batch norms   their statistics are those of {result['statistics']} pictures: the file has none")
    elif result["statistics"] == 0:
        print("batch norms   have no statistics, as the file has none; --images with 8 pictures gives them some")
    if bad := result["undecodable"]:
        more = ", ..." if len(bad) > NAMED else ""
        print(f"left out      {len(bad)} pictures cannot be decoded: {', '.join(bad[:NAMED])}{more}")
    form = " --format float32" if result["pictures"] is None else ""  # int8 is calibrated by pictures
    print(f"folder        {result['out']}; nas export {shlex.quote(result['out'])}{form} --out model.tflite")


COMMAND = Command(
    "import",
    "take over a network that was trained elsewhere",
    (
        "nas import mobilenet_v1_0.25_128_quant.tflite --arch mobilenet-v1-0.25-128 --out runs/mobilenet",
        "nas import lite0.tflite --arch efficientnet-lite0 --images ./pictures --out runs/lite0 --json",
        "nas import keras:MobileNetV2 --out runs/mobilenet-v2",
    ),
    _add_arguments,
    _run,
    _show,
)
