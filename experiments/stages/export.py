"""Stage: the winner's files; those of TFLite compared with the Flax network on the whole test split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from experiments.context import Context
from experiments.layer_table import LAYERS, look_at_layers, write_layers
from experiments.sections.export import Export
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.card import Card
from nas.export.compare import compare
from nas.export.edgetpu import check
from nas.export.folder import size_of
from nas.export.formats import Job, export, find_format
from nas.export.labels import NAME as LABELS
from nas.export.quantization.method import Method
from nas.files import write_text
from nas.network import Network
from nas.train import logits
from nas.train.pictures import Pictures


def run_export(context: Context, architecture: Architecture, network: Network) -> dict[str, Any]:
    """Writes the models and their labels; the export part of metrics.json."""
    settings = context.experiment.export
    dataset = context.sized(architecture.resolution)
    write_labels(context)
    shape = (1, *dataset.test.images.shape[1:])
    name = f"{context.experiment.name}-winner"
    card = card_of(name, architecture, dataset.classes, settings.author, settings.license)
    files: dict[str, Path] = {}
    for name in settings.formats:
        form = find_format(name)
        path = context.path(_file(name))
        count, seed = settings.calibration_images, context.experiment.seed
        calibration = calibration_pictures(dataset.train.images, count, seed) if form.calibrates else []
        export(Job(network, shape, card, calibration, Method.parse(settings.quantization)), name, path)
        context.progress.say(f"{path.name}: {size_of(path):,} bytes")
        if form.lite:
            files[name] = path
    rows = compare(
        logits(network, dataset.test.images),
        files,
        dataset.test.images,
        dataset.test.labels,
        flax_bytes=sum(array.nbytes for array in jax.tree.leaves(nnx.state(network, nnx.Param, nnx.BatchStat))),
        flax_once=_once(network, dataset.test.images[:1]),
    )
    looked_at = _look_at_layers(context, network, dataset.train.images, files, rows)
    verdict = check(next(files[name] for name in ("int8", "uint8", *files) if name in files))
    return {
        "images": len(dataset.test.labels),
        "calibration": {
            "pictures": min(settings.calibration_images, len(dataset.train)),
            "seed": context.experiment.seed,
            "method": settings.quantization,
        },
        "rows": [asdict(row) for row in rows],
        "layers_looked_at": looked_at,
        "edgetpu": verdict.edgetpu,
        "ops": [
            {"op": op.op, "version": op.version, "count": op.count, "mapped": op.mapped, "reason": op.reason}
            for op in verdict.ops
        ],
    }


def write_labels(context: Context) -> None:
    """Writes the names of the classes, in the order of the outputs."""
    write_text(context.path(LABELS), "".join(f"{name}\n" for name in context.dataset.classes))


def files_of(settings: Export, kept: Mapping[str, Any]) -> list[str]:
    """What the stage leaves, by its settings and its result; an earlier version did not keep whether layers too."""
    return [LABELS, *map(_file, settings.formats), *([LAYERS] if kept.get("layers_looked_at") else [])]


def _file(name: str) -> str:
    return f"model_{name}{find_format(name).suffix}"


def _look_at_layers(
    context: Context, network: Network, images: np.ndarray | Pictures, files: Mapping[str, Path], rows: Sequence[Any]
) -> bool:
    """Writes which layers lose, where int8 loses more than it may; returns whether there are any."""
    settings = context.experiment.export
    calibration = calibration_pictures(images, settings.calibration_images, context.experiment.seed)
    try:
        layers = look_at_layers(
            network, files, rows, calibration, Method.parse(settings.quantization), settings.int8_loss
        )
    except InputError as error:  # a reason less is no reason to end without files
        context.progress.say(f"layers not looked at: {error}")
        return False
    if layers:
        write_layers(context.path(LAYERS), layers)
        context.progress.say(f"int8 loses more than {settings.int8_loss:.2%}: {LAYERS} says where")
    return bool(layers)


def card_of(
    name: str, architecture: Architecture, classes: Sequence[str], author: str, license: str, trained: bool = True
) -> Card:
    """What a file of a network is to say of itself."""
    size = f"{architecture.resolution}x{architecture.resolution}x{architecture.channels}"
    weights = "" if trained else ", weights not trained"
    return Card(name, f"image classifier of pictures of {size}{weights}", author, license, tuple(classes))


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
