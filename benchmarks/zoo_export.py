"""Exports a network of every family of the zoo at a small size and writes how true the files are.

    python benchmarks/zoo_export.py [NETWORK ...] [--out FILE]

Every network has random weights and the batch-norm statistics of random pictures. It is
converted to float32 and int8, run by LiteRT, and compared with itself in Flax; the int8 file
is judged for the Edge TPU. Without names: one network of each family, `results/zoo_export.md`.
"""

import argparse
import gc
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from machine import header
from numpy.typing import NDArray

from nas.blocks.layers import MOMENTUM, BatchNorm, Conv
from nas.export.edgetpu import EdgeTpuVerdict, check
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.files import write_text
from nas.network import Network, initialise
from search_spaces.zoo import zoo

RESULTS = Path(__file__).parent / "results"
CLASSES, PICTURES, SEED = 10, 32, 0
SIZE = 64
SIZES = {"inception-v3": 107, "mnist-perceptron": 28, "mnist-conv": 28, "cifar10-conv": 32}
FAMILIES = (
    *("efficientnet-b0", "efficientnet-lite0", "efficientnet-edgetpu-s", "efficientnet-v2-s"),
    *("mnasnet-a1", "mobilenet-v1", "mobilenet-v2", "mobilenet-edgetpu", "mobilenet-edgetpu-v2-s"),
    *("mobilenet-v3-large", "mobilenet-v3-small-minimalistic", "nasnet-a-mobile", "amoebanet-a-mobile"),
    *("shufflenet-v1-g3", "shufflenet-v1-g1", "shufflenet-v2-1.0x", "squeezenet-1.1", "resnet-18", "resnet-50"),
    *("resnet-50-v2", "se-resnet-50", "densenet-121", "inception-v1", "inception-v3", "vgg-11", "darknet-19"),
    *("darknet-53", "mnist-perceptron", "mnist-conv", "cifar10-conv"),
)


@dataclass(frozen=True)
class Row:
    """Differences are the largest, as shares of the most that a picture's output is off the mean of all pictures'.

    `agreement` is the share of pictures with the same top class.
    """

    network: str
    size: int
    float32: float
    int8: float
    agreement: float
    verdict: EdgeTpuVerdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=FAMILIES)
    parser.add_argument("--out", type=Path, default=RESULTS / "zoo_export.md")
    arguments = parser.parse_args()
    jax.config.update("jax_disable_most_optimizations", True)  # every program runs once
    lines = []
    for name in arguments.networks:
        lines.append(line(measure(name)))
        print(lines[-1], flush=True)
        jax.clear_caches()
        gc.collect()
    write_text(arguments.out, document(lines))


def measure(name: str) -> Row:
    """The files of one network beside the network itself."""
    size = SIZES.get(name, SIZE)
    architecture = zoo(name)
    architecture = architecture.with_input(size, architecture.channels).with_classes(CLASSES)
    shape = (size, size, architecture.channels)
    network, pixels = initialise(architecture, SEED), pictures(shape)
    inputs = pixels.astype(np.float32) / 127.5 - 1
    _settle(network, jnp.asarray(inputs))
    expected = np.asarray(nnx.jit(lambda network, x: network(x))(network, jnp.asarray(inputs)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        found = {}
        for form in ("float32", "int8"):
            path.write_bytes(convert(network, (1, *shape), form, [picture[None] for picture in inputs]))
            found[form] = LiteModel(path, trusted=True).predict(pixels)
        verdict = check(path)
    scale = np.abs(expected - expected.mean(0)).max()
    float32, int8 = (float(np.abs(outputs - expected).max() / scale) for outputs in found.values())
    agreement = float((found["int8"].argmax(1) == expected.argmax(1)).mean())
    return Row(name, size, float32, int8, agreement, verdict)


def pictures(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Random pictures (N, H, W, C) of 0..255: large patches of colour, and noise."""
    generator = np.random.default_rng(SEED)
    height, width, channels = shape
    patches = generator.uniform(0, 255, (PICTURES, 4, 4, channels))
    large = patches.repeat(-(-height // 4), 1).repeat(-(-width // 4), 2)[:, :height, :width]
    return np.clip(large + generator.uniform(-60, 60, (PICTURES, *shape)), 0, 255).astype(np.uint8)


def _settle(network: Network, inputs: jax.Array) -> None:
    """Random scales and biases, and in every batch norm the statistics of `inputs`; evaluation from then on.

    Those of batch norms let most activations pass what they read: noise would grow from layer
    to layer of a random network else, more than in a trained one.
    """
    generator = np.random.default_rng(SEED)

    def draw(variable: nnx.Variable[jax.Array], low: float, high: float) -> None:
        variable[...] = jnp.asarray(generator.uniform(low, high, variable.shape), jnp.float32)

    for _, module in nnx.iter_modules(network):
        if isinstance(module, BatchNorm):
            draw(module.scale, 0.7, 1.3)
            draw(module.bias, 0.5, 1.5)
        elif isinstance(module, Conv) and module.bias is not None:
            draw(module.bias, -0.1, 0.1)
    before = jax.tree.map(jnp.copy, nnx.state(network, nnx.BatchStat))
    network.train()  # type: ignore[no-untyped-call]
    nnx.jit(lambda network, x: network(x))(network, inputs)
    after = nnx.state(network, nnx.BatchStat)
    # A step in training moves the statistics a part of the way to those of its batch; this goes the whole way.
    nnx.update(network, jax.tree.map(lambda old, new: (new - MOMENTUM * old) / (1 - MOMENTUM), before, after))
    network.eval()  # type: ignore[no-untyped-call]


def line(row: Row) -> str:
    """One line of the table."""
    verdict, total = row.verdict, sum(op.count for op in row.verdict.ops)
    cause = "" if verdict.edgetpu else verdict.cut
    cells: tuple[Any, ...] = (
        row.network,
        row.size,
        f"{row.float32:.1e}",
        f"{row.int8:.1%}",
        f"{row.agreement:.0%}",
        f"{verdict.mapped} of {total}",
        cause,
    )
    return f"| {' | '.join(map(str, cells))} |"


def document(lines: list[str]) -> str:
    """The whole table with what it was measured on."""
    import tensorflow  # here as in the exporter: it is slow to load, and loud unless told before not to be

    facts = header(("jax", "flax", "ai-edge-litert"), tensorflow=tensorflow.__version__)
    facts.append(("pictures", f"{PICTURES} random ones, seed {SEED}"))
    titles = ("network", "size", "float32", "int8", "same class", "mapped", "first op on the CPU")
    text = [
        "# Exported networks of the zoo",
        "Written by `benchmarks/zoo_export.py`. Random weights, ten classes. `float32` and `int8` are the largest",
        "differences between file and Flax network, as shares of the most that a picture's output is off the mean",
        "of all pictures'. Untrained networks tell classes apart by little, so fewer pictures have the same class than",
        "with a trained one. `mapped` counts the int8 file's operators that the Edge TPU is predicted to run; nothing",
        "was compiled.",
        "",
        *(f"* {what}: {found}" for what, found in facts),
        "",
        f"| {' | '.join(titles)} |",
        f"|{'---|' * len(titles)}",
        *lines,
        "",
    ]
    return "\n".join(text)


if __name__ == "__main__":
    main()
