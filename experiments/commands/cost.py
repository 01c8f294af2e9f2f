"""`nas cost`: what a network costs, from its trace alone."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from experiments.commands.command import Command, Result, positive, print_table
from nas.architecture import MOST_PIXELS
from nas.errors import InputError

if TYPE_CHECKING:
    from nas.latency import Device, Latency, MeasuringDevice
    from nas.memory import Memory
    from nas.ops import LayerTrace, Trace

DEFAULT_DEVICE = "edgetpu-usb"
DEFAULT_FORMAT = "int8"
KEYS = """\
keys of --json:
  params, statistics  numbers that are trained, and running averages kept beside them
  macs                multiply-accumulates of convolutions and dense layers
  memory              by number format: weights_bytes (norms folded), activations_bytes (all
                      that is written), peak_bytes (the most activations alive at once, batch 1)
  latency_ms          by device; evidence says whether they are measured, fitted or estimated
  layers              the same of every layer, and by device why its milliseconds are spent;
                      always there, and layers_shown_as is the number format where --layers is
"""


def _add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = f"{parser.epilog or ''}\n\n{KEYS}"
    parser.add_argument("arch", metavar="ARCH", help="a name of `nas zoo`, an architecture's file, or a run's folder")
    parser.add_argument(
        "--device",
        metavar="D",
        action="append",
        help=f"a device's name or file; may be given several times (default: {DEFAULT_DEVICE})",
    )
    parser.add_argument("--resolution", metavar="R", type=positive, help="height and width of the input in pixels")
    parser.add_argument("--classes", metavar="N", type=positive, help="number of outputs")
    parser.add_argument("--layers", action="store_true", help="show also what each layer costs, and why")
    parser.add_argument(
        "--numbers",
        choices=("float32", "int8"),
        default=DEFAULT_FORMAT,
        help=f"whose bytes are shown layer by layer (default: {DEFAULT_FORMAT})",
    )


def _run(arguments: Namespace) -> Result:
    from experiments.architectures import load_architecture
    from nas.latency import find_device
    from nas.memory import FORMATS, memory
    from nas.trace import trace

    found = [find_device(name) for name in dict.fromkeys(arguments.device or [DEFAULT_DEVICE])]
    name, architecture, origin = load_architecture(arguments.arch)
    if (arguments.resolution or 1) > MOST_PIXELS:
        raise InputError(f"--resolution: found {arguments.resolution}; expected 1 to {MOST_PIXELS} pixels")
    architecture = architecture.with_input(arguments.resolution)
    if arguments.classes:
        architecture = architecture.with_classes(arguments.classes)
    traced = trace(architecture, origin)
    latencies = _latencies(found, traced)
    return {
        "name": name,
        "params": traced.params,
        "statistics": traced.statistics,
        "macs": traced.macs,
        "memory": {numbers.name: _bytes(memory(traced, numbers)) for numbers in FORMATS},
        "resolution": architecture.resolution,
        "classes": architecture.classes,
        "latency_ms": {device: latency.ms for device, latency in latencies.items()},
        "evidence": {device: latency.evidence for device, latency in latencies.items()},
        "beyond": {device: latency.beyond for device, latency in latencies.items() if latency.beyond},
        "layers": [_layer(index, layer, latencies) for index, layer in enumerate(traced.layers)],
        "layers_shown_as": arguments.numbers if arguments.layers else None,
    }


def _latencies(found: "list[Device | MeasuringDevice]", traced: "Trace") -> "dict[str, Latency]":
    """Each device's answer; for one that measures the network is exported with fresh weights."""
    from nas.latency import MeasuringDevice

    if not any(isinstance(device, MeasuringDevice) for device in found):
        return {device.name: device.latency(traced) for device in found if not isinstance(device, MeasuringDevice)}
    from experiments.devices import asked  # brings in what trains

    with TemporaryDirectory(prefix="nas-cost-") as folder:
        return {device.name: asked(device, Path(folder)).latency(traced) for device in found}


def _layer(index: int, layer: "LayerTrace", latencies: dict[str, "Latency"]) -> dict[str, Any]:
    from nas.memory import FORMATS, block_memory

    # A device that measures whole networks tells nothing of their layers.
    shares = {device: latency.layers[index] for device, latency in latencies.items() if latency.layers}
    return {
        "name": layer.name,
        "kind": layer.kind,
        "in_shape": list(layer.block.in_shape),
        "out_shape": list(layer.block.out_shape),
        "params": layer.block.params,
        "statistics": layer.block.statistics,
        "macs": layer.block.macs,
        "memory": {numbers.name: _bytes(block_memory(layer.block, numbers)) for numbers in FORMATS},
        "latency_ms": {device: share.ms for device, share in shares.items()},
        "why": {device: share.why for device, share in shares.items()},
    }


def _bytes(found: "Memory") -> dict[str, int]:
    return {"weights_bytes": found.weights, "activations_bytes": found.activations, "peak_bytes": found.peak}


def _show(result: Result) -> None:
    if result["layers_shown_as"]:
        _show_layers(result, result["layers_shown_as"])
    size = f"{result['resolution']}x{result['resolution']}"
    print(
        f"{result['name']} at {size}: {result['params']:,} parameters, {result['statistics']:,} statistics, "
        f"{result['macs'] / 1e9:.4g} G MACs"
    )
    for numbers, found in result["memory"].items():
        weights, activations, peak = (_mib(found[f"{key}_bytes"]) for key in ("weights", "activations", "peak"))
        print(f"{numbers}: {weights} MiB of weights, {activations} MiB of activations, at most {peak} MiB alive")
    for device, ms in result["latency_ms"].items():
        beyond = f"; {result['beyond'][device]}" if device in result["beyond"] else ""
        print(f"{device}: {ms:.4g} ms ({result['evidence'][device]}{beyond})")


def _show_layers(result: Result, numbers: str) -> None:
    devices = list(result["latency_ms"])
    rows = [
        (
            layer["name"],
            layer["kind"],
            "x".join(map(str, layer["out_shape"])),
            layer["params"],
            f"{layer['macs'] / 1e6:.4g}",
            *(f"{layer['memory'][numbers][f'{key}_bytes'] / 1024:.4g}" for key in ("weights", "peak")),
            *(_share(layer, device) for device in devices),
        )
        for layer in result["layers"]
    ]
    heads = ("layer", "block", "out", "parameters", "M MACs", "weights KiB", "peak KiB")
    print_table((*heads, *(f"{device} ms" for device in devices)), rows)
    print(f"KiB as {numbers}; peak: the most activations alive at once")


def _share(layer: dict[str, Any], device: str) -> str:
    ms = layer["latency_ms"].get(device)
    return f"{ms:.4f} {layer['why'][device]}" if ms else ""


def _mib(count: int) -> str:
    return f"{count / 2**20:.4g}"


COMMAND = Command(
    "cost",
    "say what a network costs: parameters, MACs, memory, latency, and each of them layer by layer",
    (
        "nas cost efficientnet-b0",
        "nas cost efficientnet-b0 --layers",
        "nas cost mobilenet-v1 --resolution 128 --classes 10 --device edgetpu-pcie --json",
        "nas cost runs/quickstart/winner.yaml --device edgetpu-usb --device edgetpu-usb2",
    ),
    _add_arguments,
    _run,
    _show,
)
