"""Stage: the winner as TFLite files, compared with the Flax network on the whole test split."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from experiments.context import Context
from nas.architecture import Architecture
from nas.export.compare import compare
from nas.export.edgetpu import check
from nas.export.tflite import convert
from nas.files import write_bytes, write_text
from nas.network import Network
from nas.train import Trained, logits
from nas.train.pictures import Pictures


def run_export(context: Context, architecture: Architecture, trained: Trained) -> dict[str, Any]:
    """Writes the models and their labels; the export part of metrics.json."""
    settings = context.experiment.export
    dataset = context.sized(architecture.resolution)
    write_text(context.path("labels.txt"), "".join(f"{name}\n" for name in dataset.classes))
    shape = dataset.test.images.shape[1:]
    files: dict[str, Path] = {}
    for format in settings.formats:
        files[format] = context.path(f"model_{format}.tflite")
        calibration = calibration_pictures(dataset.train.images, settings.calibration_images, context.experiment.seed)
        write_bytes(
            files[format], convert(trained.network, (1, *shape), format, calibration if format == "int8" else None)
        )
        context.progress.say(f"{files[format].name}: {files[format].stat().st_size:,} bytes")
    rows = compare(
        logits(trained.network, dataset.test.images),
        files,
        np.asarray(dataset.test.images),
        dataset.test.labels,
        flax_bytes=sum(array.nbytes for array in jax.tree.leaves(nnx.state(trained.network, nnx.Param, nnx.BatchStat))),
        flax_once=_once(trained.network, dataset.test.images[:1]),
    )
    verdict = check(files["int8"] if "int8" in files else next(iter(files.values())))
    return {
        "images": len(dataset.test.labels),
        "rows": [asdict(row) for row in rows],
        "edgetpu": verdict.edgetpu,
        "ops": [
            {"op": op.op, "version": op.version, "count": op.count, "mapped": op.mapped, "reason": op.reason}
            for op in verdict.ops
        ],
    }


def calibration_pictures(images: np.ndarray | Pictures, count: int, seed: int) -> list[np.ndarray]:
    """`count` training pictures chosen by `seed`, each (1, H, W, C) float32 in -1..1."""
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return [images[index : index + 1].astype(np.float32) / 127.5 - 1 for index in chosen]


def _once(network: Network, picture: np.ndarray) -> Callable[[], object]:
    """The network itself on one picture, compiled, to be timed beside the files."""
    graph, state = nnx.split(network)
    run = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    x = jax.numpy.asarray(picture, jax.numpy.float32) / 127.5 - 1
    return lambda: run(state, x).block_until_ready()
