"""Exports networks of the zoo to every format at a small size and writes how true each file is to the Flax network.

    python benchmarks/formats.py [NETWORK ... | all] [--out FILE] [--again]

Goes on where it was stopped: `rows.py`.
Random weights and the batch-norm statistics of random pictures, of `zoo_networks.py`. TFLite
files are run by LiteRT, ONNX by onnxruntime, SavedModels by TensorFlow. Core ML's packages are
read back and computed by JAX: Apple's runtime is on Apple's machines alone.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
from machine import header
from numpy.typing import NDArray
from rows import arguments, fill
from zoo_networks import settled

from nas.errors import InputError
from nas.export.card import Card
from nas.export.folder import size_of
from nas.export.formats import FORMATS, Job, export

RESULTS = Path(__file__).parent / "results"
TITLES = ("network", "size", *FORMATS)
PACKAGES = ("jax", "flax", "ai-edge-litert", "tensorflow-cpu", "onnx", "onnxruntime", "coremltools")
SHOWN = 8  # pictures that each file is run on


def main() -> None:
    chosen = arguments(__doc__ or "", RESULTS / "formats.md")
    if chosen.line is None:
        fill(__file__, chosen, len(TITLES), document)
        return
    jax.config.update("jax_disable_most_optimizations", True)  # every program runs once
    print(line(chosen.line))


def line(name: str) -> str:
    """The table's line of one network: by format, the difference and the bytes."""
    header(PACKAGES)  # raises where one is not installed, which would look like a refusal below
    one = settled(name)
    job = Job(one.network, one.shape, Card(name), one.pictures)
    cells = [name, str(one.size)]
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMATS.values():
            path = Path(folder) / f"model_{form.name}{form.suffix}"
            try:
                export(job, form.name, path)
            except InputError as error:
                print(f"{name}: {error}", file=sys.stderr)
                cells.append("none")
                continue
            found = _run(form.name, path)(one.pixels[:SHOWN], one.inputs[:SHOWN])
            off = one.difference(found)
            cells.append(
                f"{off:.1%} {size_of(path) / 2**20:.3g}" if off > 1e-4 else f"{off:.0e} {size_of(path) / 2**20:.3g}"
            )
    return f"| {' | '.join(cells)} |"


Run = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


def _run(form: str, path: Path) -> Run:
    """What runs a file on pixels (N, H, W, C), which are also given as the network takes them."""
    if FORMATS[form].lite:
        from nas.export.run import LiteModel

        return lambda pixels, _: LiteModel(path, trusted=True).predict(pixels)
    if form == "onnx":
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path))
        return lambda _, inputs: np.concatenate([session.run(None, {"image": x[None]})[0] for x in inputs])
    if form == "coreml":
        from nas.export.coreml_run import run_coreml

        return lambda _, inputs: np.concatenate([run_coreml(path, x[None]) for x in inputs[:1]])
    from nas.export.savedmodel import run_savedmodel

    return lambda _, inputs: np.concatenate([run_savedmodel(path, x[None]) for x in inputs[:1]])


def document(lines: Sequence[str]) -> str:
    """The whole table with what it was measured on."""
    text = [
        "# Formats",
        "Written by `benchmarks/formats.py`. Random weights, ten classes. Each cell: the largest difference between",
        "file and Flax network, as a share of the most that a picture's output is off the mean of all pictures', and",
        f"MiB. TFLite by LiteRT and ONNX by onnxruntime on {SHOWN} pictures; SavedModel by TensorFlow on one; Core ML",
        "read back and computed by JAX on one, with weights of half precision: no Apple machine was at hand. `none`:",
        "the converter refuses, as TensorFlow does hard-swish in int16x8.",
        "",
        *(f"* {what}: {found}" for what, found in header(PACKAGES)),
        "",
        f"| {' | '.join(TITLES)} |",
        f"|{'---|' * len(TITLES)}",
        *lines,
        "",
    ]
    return "\n".join(text)


if __name__ == "__main__":
    main()
