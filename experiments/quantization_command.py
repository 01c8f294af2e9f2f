"""How a trained network does as int8 by several methods, and which layers it loses in."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.architectures import is_folder
from experiments.data import as_needed
from experiments.export_source import THERE, Moved, Source, find_source, require_pictures
from experiments.layer_table import LAYER_PICTURES, LAYERS, write_layers
from experiments.progress import RunProgress
from experiments.stages.export import calibration_pictures
from nas.errors import InputError
from nas.export.quantization.layers import LayerError, decibels, layer_errors
from nas.export.quantization.method import PLAIN, Method
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.files import require_place, write_bytes
from nas.resizing import Images
from nas.rounding.grid import Grid
from nas.train.evaluate import logits
from nas.train.pictures import Pictures

TRAINED = "qat"  # the file with the steps that the network was trained with


class Seen(NamedTuple):
    """Pictures (N, H, W, C) that files are judged by, their classes (N,) where they are known, and whose they are."""

    pictures: Images | Pictures
    labels: NDArray[np.int32] | None
    split: str


def compare_methods(
    source: str, methods: Sequence[Method], count: int, out: Path, moved: Moved = THERE
) -> dict[str, Any]:
    """Writes an int8 file for each method and `layers.csv` to the folder `out`; what `nas quantization --json` prints.

    That of a network from `nas qat` with the steps that it was trained with comes first.
    Raises `InputError` where `source` is no trained network, or has no pictures to calibrate by.
    """
    if not is_folder(source):
        found = "has no trained weights" if Path(source).exists() else "does not exist"
        raise InputError(f"{source}: {found}; expected the folder of a run, a training or an import")
    chosen = find_source(source, moved=moved)
    require_pictures(source, chosen)
    seen = _seen(chosen, count)
    require_place(out / LAYERS)
    calibration = calibration_pictures(chosen.pictures, chosen.calibration_images, chosen.seed)
    shape = (1, *chosen.pictures.shape[1:])
    exact = logits(chosen.network, seen.pictures)
    floats = convert(chosen.network, shape, "float32")
    rows, layers = [], list[LayerError]()
    ways: list[tuple[str, Method, Grid | None]] = [(str(method), method, None) for method in methods]
    if chosen.grid:
        ways.insert(0, (TRAINED, PLAIN, chosen.grid))
    with RunProgress(1) as progress, progress.task("quantize", len(ways)) as task:
        for done, (name, method, grid) in enumerate(ways, start=1):
            data = convert(chosen.network, shape, "int8", calibration, method, grid)
            path = out / f"model_int8_{name}.tflite"
            write_bytes(path, data)
            rows.append(_row(name, path, exact, seen))
            layers = layers or layer_errors(floats, data, calibration[:LAYER_PICTURES])
            task.update(done, name)
    write_layers(out / LAYERS, layers)
    return {
        "source": source,
        "split": seen.split,
        "pictures": len(seen.pictures),
        "calibration": {"pictures": len(calibration), "seed": chosen.seed},
        "accuracy": _accuracy(exact, seen),
        "methods": rows,
        "layers_of": ways[0][0],
        "layers": [{**asdict(layer), "helps": layer.helps} for layer in layers],
        "out": str(out),
    }


def _seen(chosen: Source, count: int) -> Seen:
    """The first pictures of the test split, each read when it is needed; without one, those to calibrate by."""
    if chosen.dataset is None:
        return Seen(chosen.pictures[:count], None, "calibration")
    test = as_needed(chosen.dataset, chosen.architecture.resolution).test
    images = test.images
    first = images.take(np.arange(min(count, len(test)))) if isinstance(images, Pictures) else images[:count]
    return Seen(first, test.labels[:count], "test")


def _row(method: str, path: Path, exact: NDArray[np.float32], seen: Seen) -> dict[str, Any]:
    outputs = LiteModel(path, trusted=True).predict(seen.pictures)
    return {
        "method": method,
        "accuracy": _accuracy(outputs, seen),
        "agreement": float((outputs.argmax(1) == exact.argmax(1)).mean()),
        "snr": decibels(float((exact.astype(np.float64) ** 2).sum()), float(((outputs - exact) ** 2).sum())),
        "file": str(path),
        "bytes": path.stat().st_size,
    }


def _accuracy(outputs: NDArray[np.float32], seen: Seen) -> float | None:
    return None if seen.labels is None else float((outputs.argmax(1) == seen.labels).mean())
