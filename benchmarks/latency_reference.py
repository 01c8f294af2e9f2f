"""Published Edge TPU facts: whole-model milliseconds, and what the compiler made of known models."""

import csv
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from published_networks import NETWORKS, from_zoo

from nas.ops import BlockTrace, LayerTrace, Op, Shape, Trace
from nas.trace import trace
from search_spaces.nasbench201 import from_string

FILES = (
    "edgetpu_measured_latency.csv",
    "edgetpu_compiled_packages.csv",
    "edgetpu_compiled_layers.csv",
    "edgetpu_synthetic_sweeps.csv",
    "hwnasbench_edgetpu_samples.csv",
)

# Rows of different attachments are never mixed. Reduced clocks, Raspberry Pi 4 hosts and rows
# that do not state their attachment belong to none of the three.
ATTACHMENTS = {
    "edgetpu-usb": (
        "USB 3.0 + desktop host",
        "USB 3.0 + x86-64 host",
        "USB 3.0 + iMac 2015",
        "USB 3.0 + MacBook Pro 2018",
    ),
    "edgetpu-pcie": ("Dev Board (PCIe on-module)",),
    "edgetpu-usb2": ("USB 2.0 + Raspberry Pi 3B", "USB 2.0 + Raspberry Pi 3B+"),
}

HOSTS = {
    "edgetpu-usb": "desktop CPU",
    "edgetpu-pcie": "embedded CPU (Dev Board)",
    "edgetpu-usb2": "embedded CPU (Dev Board)",
}

NAMES = {
    ("MobileNet v1", "224x224"): "mobilenet-v1",
    ("SqueezeNet", "224x224"): "squeezenet-1.0",
    ("EfficientNet-EdgeTpu-S", "224x224"): "efficientnet-edgetpu-s",
    ("DenseNet", "224x224"): "densenet121",
    ("ResNet-50 V1", "299x299"): "resnet50-v1-299",
    ("ResNet-152 V2", "299x299"): "resnet152-v2-299",
    ("Inception v4", "299x299"): "inception-v4",
    ("Inception-ResNet V2", "299x299"): "inception-resnet-v2",
    ("VGG16", "224x224"): "vgg16",
}

# Shown, but not fitted. The hosted TFLite list (tensorflow/tensorflow, lite/g3doc/models.md), from which
# the published benchmarks take these names, gives their float32 files as 43.6 and 121.0 MB.
OTHER_NETWORK = {
    "densenet121": "the hosted file of this name holds 10.9M parameters, DenseNet-121 holds 8.0M",
    "inception-resnet-v2": "the hosted file of this name holds 30.3M parameters, the published network 55.8M",
}

KINDS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise_conv",
    "FULLY_CONNECTED": "dense",
    "ADD": "add",
    "AVERAGE_POOL_2D": "average_pool",
    "MEAN": "average_pool",
    "PAD": "pad",
    "RESHAPE": "reshape",
}


@dataclass(frozen=True)
class Published:
    """One network's published latencies on one device."""

    network: str
    rows: tuple[float, ...]  # ms

    @property
    def ms(self) -> float:
        """The middle of the rows."""
        ordered = sorted(self.rows)
        half = len(ordered) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@dataclass(frozen=True)
class Compiled:
    """A compiled model whose source's layers are known."""

    model: str
    trace: Trace
    cached_bytes: int
    streamed_bytes: int
    per_channel: bool  # how its weights were quantized


def published(folder: Path) -> dict[str, list[Published]]:
    """The classifiers of each device, in the order of `NAMES`."""
    found: dict[str, dict[str, list[float]]] = {device: defaultdict(list) for device in ATTACHMENTS}
    for row in _rows(folder, "edgetpu_measured_latency.csv"):
        network = NAMES.get((row["model"], row["input"]))
        for device, attachments in ATTACHMENTS.items():
            if network and row["attachment"] in attachments:
                found[device][network].append(float(row["latency_ms"]))
    return {
        device: [Published(n, tuple(rows[n])) for n in NAMES.values() if n in rows] for device, rows in found.items()
    }


def host_rates(folder: Path) -> dict[str, float]:
    """Milliseconds of a giga multiply-accumulate on each device's host: the median over the classifiers."""
    rates: dict[str, list[float]] = defaultdict(list)
    for row in _rows(folder, "edgetpu_measured_latency.csv"):
        network = NAMES.get((row["model"], row["input"]))
        if network and network not in OTHER_NETWORK and row["attachment"] == "none":
            rates[row["device"]].append(float(row["latency_ms"]) / (NETWORKS[network]().macs / 1e9))
    return {device: sorted(rates[host])[len(rates[host]) // 2] for device, host in HOSTS.items()}


def unstated(folder: Path) -> list[tuple[str, float, Trace]]:
    """(source and model, ms, trace) of Edge TPU rows that do not say their attachment."""
    found = []
    for row in _rows(folder, "edgetpu_measured_latency.csv"):
        build = _unstated_network(row["model"])
        if row["attachment"].startswith("not stated") and build is not None:
            source = row["source"].split(" ")[0]
            found.append((f"{source}: {row['model']}", float(row["latency_ms"]), build()))
    return found + benchmark_cells(folder)


def benchmark_cells(folder: Path) -> list[tuple[str, float, Trace]]:
    """(name, ms, trace) of the NAS-Bench-201 networks for CIFAR-10 that HW-NAS-Bench prints, attachment not stated."""
    return [
        (
            f"HW-NAS-Bench: NAS-Bench-201 {row['nb201_index']}",
            float(row["edgetpu_ms"]),
            _with_relu_on_chip(trace(from_string(row["arch"]))),
        )
        for row in _rows(folder, "hwnasbench_edgetpu_samples.csv")
        if row["dataset"] == "cifar10"
    ]


def _with_relu_on_chip(found: Trace) -> Trace:
    """The network as it was timed, with each relu of its own on the chip; one costs what a relu6 does.

    Files that are written today have a version of it that is known to be refused, and the rest on the host.
    """
    return Trace(
        tuple(
            replace(layer, block=replace(layer.block, ops=tuple(map(_relu6, layer.block.ops))))
            for layer in found.layers
        )
    )


def _relu6(op: Op) -> Op:
    return replace(op, activation="relu6") if (op.kind, op.activation) == ("activation", "relu") else op


def _unstated_network(name: str) -> Callable[[], Trace] | None:
    if match := re.fullmatch(r"mobilenet_v1_([\d.]+)_(\d+)_quant", name):
        return lambda: from_zoo(f"mobilenet-v1-{float(match[1])}-{match[2]}")
    if name == "MobileNet V1 0.25":
        return lambda: from_zoo("mobilenet-v1-0.25-128")
    network = {
        "EfficientNet-EdgeTpu (S)": "efficientnet-edgetpu-s",
        "Inception V3": "inception-v3",
        "Inception V4": "inception-v4",
        "inception_v3_quant": "inception-v3",
        "inception_v4_quant": "inception-v4",
    }.get(name)
    return NETWORKS[network] if network else None


def instruction_sizes(folder: Path) -> list[tuple[int, int]]:
    """(ops, instruction bytes) of the models that the compiler mapped whole, co-compiled ones left out."""
    return [
        (int(row["source_ops"]), int(row["instr_bytes"]))
        for row in _rows(folder, "edgetpu_compiled_packages.csv")
        if row["source_ops"] and row["n_cpu_ops"] == "0" and not row["model"].startswith("cocompilation")
    ]


def compiled(folder: Path) -> list[Compiled]:
    """Models of known layers with nothing but post-processing on the host, each distinct result once."""
    layers: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _rows(folder, "edgetpu_compiled_layers.csv"):
        layers[row["model"]].append(row)
    found: dict[tuple[str, int, int], Compiled] = {}
    for row in _rows(folder, "edgetpu_compiled_packages.csv"):
        on_host = [op for op in row["cpu_ops"].split(";") if op and not op.startswith("CUSTOM")]
        if row["model"] not in layers or on_host:
            continue
        name, cached, streamed = row["model"], int(row["cached_param_bytes"]), int(row["streamed_param_bytes"])
        model = Compiled(name, _trace(layers[name]), cached, streamed, "post_training" in name)
        found.setdefault((name, cached, streamed), model)
    return list(found.values())


def sweeps(folder: Path) -> list[Compiled]:
    """The compiled int8 sweep models: five 3x3 convolutions on 64x64x3, or four dense layers on 64 and one of 10."""
    found = {}
    for row in _rows(folder, "edgetpu_synthetic_sweeps.csv"):
        width, name = int(row["width"]), row["sweep"]
        shapes: list[Shape] = [(64, 64, 3), *[(64, 64, width)] * 5]
        if name.startswith("dense"):
            shapes = [(64,), *[(width,)] * 4, (10,)]
        ops = tuple(_layer(before, after, i) for i, (before, after) in enumerate(pairwise(shapes)))
        block = BlockTrace(ops, shapes[0], shapes[-1], 0, 0)
        trace = Trace((LayerTrace("sweep", name, block),))
        on, off = (round(float(row[key]) * 2**20) for key in ("on_chip_mib", "off_chip_mib"))
        found[name, width] = Compiled(f"{name} {width}", trace, on, off, True)
    return list(found.values())


def _layer(before: Shape, after: Shape, index: int) -> Op:
    kernel = 3 if len(before) == 3 else 1
    weights = kernel**2 * before[-1] * after[-1]
    kind = "conv" if len(before) == 3 else "dense"
    return Op(kind, before, after, (index,), index + 1, kernel=(kernel, kernel), weights=weights)


def _trace(rows: list[dict[str, str]]) -> Trace:
    ops = tuple(_op(row, index) for index, row in enumerate(rows) if row["op"] in KINDS)
    block = BlockTrace(ops, ops[0].in_shape, ops[-1].out_shape, 0, 0)
    return Trace((LayerTrace("model", "compiled", block),))


def _op(row: dict[str, str], index: int) -> Op:
    kind = KINDS[row["op"]]
    kernel = int(row["kernel"].split("x")[0]) if row["kernel"] else 1
    weights = 0
    if row["cin"]:
        weights = kernel**2 * int(row["cout"]) * (1 if kind == "depthwise_conv" else int(row["cin"]))
    return Op(
        kind,
        _shape(row["in_shape"]),
        _shape(row["out_shape"]),
        (index,),
        index + 1,
        kernel=(kernel, kernel),
        groups=1,
        macs=int(row["macs"] or 0),
        weights=weights,
    )


def _shape(text: str) -> Shape:
    return tuple(int(size) for size in text.split("x")[1:])


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
