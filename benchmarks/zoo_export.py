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
from machine import header
from zoo_networks import FAMILIES, PICTURES, SEED, settled

from nas.export.edgetpu import EdgeTpuVerdict, check
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.files import write_text

RESULTS = Path(__file__).parent / "results"


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
    one = settled(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        found = {}
        for form in ("float32", "int8"):
            path.write_bytes(convert(one.network, one.shape, form, one.pictures))
            found[form] = LiteModel(path, trusted=True).predict(one.pixels)
        verdict = check(path)
    float32, int8 = map(one.difference, found.values())
    agreement = float((found["int8"].argmax(1) == one.expected.argmax(1)).mean())
    return Row(name, one.size, float32, int8, agreement, verdict)


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
