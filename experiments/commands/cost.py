"""`nas cost`: what a network costs, from its trace alone."""

from argparse import ArgumentParser, Namespace

from experiments.commands.command import Command, Result, positive, print_table
from nas.architecture import MOST_PIXELS
from nas.errors import InputError

DEFAULT_DEVICE = "edgetpu-usb"


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("arch", metavar="ARCH", help="a name of `nas zoo`, an architecture's file, or a run's folder")
    parser.add_argument(
        "--device",
        metavar="D",
        action="append",
        help=f"a device's name or file; may be given several times (default: {DEFAULT_DEVICE})",
    )
    parser.add_argument("--resolution", metavar="R", type=positive, help="height and width of the input in pixels")
    parser.add_argument("--classes", metavar="N", type=positive, help="number of outputs")


def _run(arguments: Namespace) -> Result:
    from experiments.architectures import load_architecture
    from nas.latency import load_device
    from nas.trace import trace

    devices = [load_device(name) for name in dict.fromkeys(arguments.device or [DEFAULT_DEVICE])]
    name, architecture, origin = load_architecture(arguments.arch)
    if (arguments.resolution or 1) > MOST_PIXELS:
        raise InputError(f"--resolution: found {arguments.resolution}; expected 1 to {MOST_PIXELS} pixels")
    architecture = architecture.with_input(arguments.resolution)
    if arguments.classes:
        architecture = architecture.with_classes(arguments.classes)
    traced = trace(architecture, origin)
    latencies = {device.name: device.latency(traced) for device in devices}
    return {
        "name": name,
        "params": traced.params,
        "macs": traced.macs,
        "resolution": architecture.resolution,
        "classes": architecture.classes,
        "latency_ms": {device: latency.ms for device, latency in latencies.items()},
        "evidence": {device.name: device.evidence for device in devices},
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "in_shape": list(layer.block.in_shape),
                "out_shape": list(layer.block.out_shape),
                "params": layer.block.params,
                "macs": layer.block.macs,
                "latency_ms": {device: latency.layers[index].ms for device, latency in latencies.items()},
            }
            for index, layer in enumerate(traced.layers)
        ],
    }


def _show(result: Result) -> None:
    devices = list(result["latency_ms"])
    rows = [
        (
            layer["name"],
            layer["kind"],
            "x".join(map(str, layer["in_shape"])),
            "x".join(map(str, layer["out_shape"])),
            layer["params"],
            layer["macs"],
            *(layer["latency_ms"][device] for device in devices),
        )
        for layer in result["layers"]
    ]
    print_table(("layer", "block", "in", "out", "parameters", "MACs", *(f"{d} ms" for d in devices)), rows)
    size = f"{result['resolution']}x{result['resolution']}"
    print(f"{result['name']} at {size}: {result['params']:,} parameters, {result['macs'] / 1e9:.4g} G MACs")
    for device in devices:
        print(f"{device}: {result['latency_ms'][device]:.4g} ms ({result['evidence'][device]})")


COMMAND = Command(
    "cost",
    "say what a network costs: parameters, MACs, latency, layer by layer",
    (
        "nas cost efficientnet-b0",
        "nas cost mobilenet-v1 --resolution 128 --classes 10 --device edgetpu-pcie --json",
        "nas cost runs/quickstart/winner.yaml --device edgetpu-usb --device edgetpu-usb2",
    ),
    _add_arguments,
    _run,
    _show,
)
