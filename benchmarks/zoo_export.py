"""Exports networks of the zoo at a small size and writes how true the files are.

    python benchmarks/zoo_export.py [NETWORK ... | all] [--out FILE] [--again]

Every network has random weights and the batch-norm statistics of random pictures. It is
converted to float32 and int8, run by LiteRT, and compared with itself in Flax; the int8 file
is judged for the Edge TPU. Without names: one network of each family, `results/zoo_export.md`.
Goes on where it was stopped: `rows.py`.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from machine import header
from rows import arguments, fill
from zoo_networks import PICTURES, SEED, settled

from nas.export.edgetpu import EdgeTpuVerdict, check
from nas.export.run import LiteModel
from nas.export.tflite import convert

RESULTS = Path(__file__).parent / "results"
TITLES = ("network", "size", "float32", "int8", "same class", "mapped", "first op on the CPU")


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
    chosen = arguments(__doc__ or "", RESULTS / "zoo_export.md")
    if chosen.line is None:
        fill(__file__, chosen, len(TITLES), document)
        return
    jax.config.update("jax_disable_most_optimizations", True)  # every program runs once
    print(line(measure(chosen.line)))


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


def document(lines: Sequence[str]) -> str:
    """The whole table with what it was measured on."""
    import tensorflow  # here as in the exporter: it is slow to load, and loud unless told before not to be

    facts = header(("jax", "flax", "ai-edge-litert"), tensorflow=tensorflow.__version__)
    facts.append(("pictures", f"{PICTURES} random ones, seed {SEED}"))
    text = [
        "# Exported networks of the zoo",
        "Written by `benchmarks/zoo_export.py`. Random weights, ten classes. `float32` and `int8` are the largest",
        "differences between file and Flax network, as shares of the most that a picture's output is off the mean",
        "of all pictures'. Untrained networks tell classes apart by little, so fewer pictures have the same class than",
        "with a trained one. `mapped` counts the int8 file's operators that the Edge TPU is predicted to run; nothing",
        "was compiled. Converting takes some 20 times the weights' bytes of memory: efficientnet-l2, which has 1.9 GB",
        "of them, was converted by itself with 24 GB of memory and 36 GB of swap.",
        "",
        *(f"* {what}: {found}" for what, found in facts),
        "",
        f"| {' | '.join(TITLES)} |",
        f"|{'---|' * len(TITLES)}",
        *lines,
        "",
    ]
    return "\n".join(text)


if __name__ == "__main__":
    main()
