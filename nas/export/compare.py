"""A trained network and the files exported from it, side by side on the same pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.run import LiteModel, Pixels, interleaved_latency

REFERENCE = "flax"


@dataclass(frozen=True)
class ExportRow:
    """How one form of a network does.

    `accuracy` and `agreement` (same top class as the reference) are shares in 0..1,
    `largest_difference` is between outputs and None for the reference itself, `bytes`
    and `latency_ms` (median, this machine, batch 1) are None where not measured.
    """

    format: str
    accuracy: float
    agreement: float
    largest_difference: float | None
    bytes: int | None
    latency_ms: float | None


def compare(
    flax_logits: NDArray[Any],
    files: Mapping[str, Path | str],
    pixels: Pixels,
    labels: NDArray[np.integer[Any]],
    *,
    flax_bytes: int | None = None,
    flax_once: Callable[[], object] | None = None,
    runs: int = 50,
    threads: int = 1,
    progress: Callable[[str], None] | None = None,
) -> list[ExportRow]:
    """One row for the network itself, then one for each file, by its format.

    `flax_logits` (N, classes) are the network's outputs on `pixels` (N, H, W, C) of
    0..255, whose classes are `labels` (N,). `flax_bytes` is the size of its weights,
    `flax_once` runs it on one picture, to be timed in turn with the files; both may be
    left out. `progress` is told the format before each file is run.

    Raises `InputError` where a file cannot be run or the numbers do not fit together.
    """
    reference = np.asarray(flax_logits, np.float32)
    if not len(reference) == len(pixels) == len(labels) > 0:
        raise InputError(
            f"compare: {len(reference)} outputs, {len(pixels)} pictures and {len(labels)} labels; "
            "expected as many of each, and at least one"
        )
    rows = {REFERENCE: _row(REFERENCE, reference, reference, labels, flax_bytes)}
    timed: dict[str, Callable[[], object]] = {} if flax_once is None else {REFERENCE: flax_once}
    for format, path in files.items():
        if progress is not None:
            progress(format)
        model = LiteModel(path, threads=threads, trusted=True)
        if model.classes != reference.shape[1]:
            raise InputError(f"{path}: has {model.classes} outputs; expected {reference.shape[1]} as the network has")
        rows[format] = _row(format, model.predict(pixels), reference, labels, model.bytes)
        timed[format] = model.invoke
    latency = interleaved_latency(timed, runs)
    return [replace(row, latency_ms=latency.get(name)) for name, row in rows.items()]


def _row(
    format: str,
    outputs: NDArray[np.float32],
    reference: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    size: int | None,
) -> ExportRow:
    top = outputs.argmax(1)
    return ExportRow(
        format=format,
        accuracy=float((top == labels).mean()),
        agreement=float((top == reference.argmax(1)).mean()),
        largest_difference=None if format == REFERENCE else float(np.abs(outputs - reference).max()),
        bytes=size,
        latency_ms=None,
    )
