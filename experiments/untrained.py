"""Architectures as .tflite files with fresh weights: right for measuring a device, worthless for accuracy."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.model import parse
from nas.files import write_bytes
from nas.network import Network, initialise

PICTURES = 16  # of noise, which show int8 its ranges
DRAWS = 8  # of fresh weights, before a network is given up
DEAD = 1e-7  # the scale of an activation that the pictures never left at 0; others are far above


class Untrained(NamedTuple):
    """A network with fresh weights, and pictures (N, H, W, C) of 0..255 for its calibration."""

    network: Network
    pictures: np.ndarray


def untrained(architecture: Architecture, seed: int = 0) -> Untrained:
    """The network, in evaluation, and noise of its input's size; the same ones for the same seed."""
    shape = (PICTURES, architecture.resolution, architecture.resolution, architecture.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    network = initialise(architecture, seed)
    network.eval()  # type: ignore[no-untyped-call]
    return Untrained(network, noise)


def model_file(folder: Path, architecture: Architecture, precision: str) -> Path:
    """Where in `folder` the architecture's file is kept."""
    return folder / f"{architecture.digest}_{precision}.tflite"


def export_untrained(architecture: Architecture, precision: str, folder: Path) -> Path:
    """Writes the architecture's file, unless it is there already, and returns its path.

    Raises `InputError` where TensorFlow cannot write it.
    """
    path = model_file(folder, architecture, precision)
    if path.exists():
        return path
    try:
        write_bytes(path, next(data for data in _drawn(architecture, precision) if _alive(data)))
    except StopIteration:
        raise InputError(f"export: {_line(architecture)}: has activations that are always 0, as {precision}") from None
    return path


def _drawn(architecture: Architecture, precision: str) -> Iterator[bytes]:
    """The file with one draw of fresh weights after another."""
    from nas.export.tflite import convert

    for seed in range(DRAWS):
        network, noise = untrained(architecture, seed)
        pictures = [picture[None].astype(np.float32) / 127.5 - 1 for picture in noise] if precision == "int8" else None
        try:
            yield convert(network, (1, *noise.shape[1:]), precision, pictures)
        except InputError as error:
            raise InputError(f"{error} ({_line(architecture)})") from error


def _alive(data: bytes) -> bool:
    """Whether no activation is 0 for every picture, for which there is no scale: XNNPACK refuses such a file."""
    tensors = parse(data, "export").main.tensors
    return not any(tensor.dtype == "int8" and tensor.scales and max(tensor.scales) < DEAD for tensor in tensors)


def _line(architecture: Architecture) -> str:
    return "; ".join(" ".join(line.split()) for line in architecture.text.splitlines())


def export_all(
    architectures: Sequence[Architecture], precision: str, folder: Path, jobs: int = 1
) -> Iterator[Architecture]:
    """Writes the files that are not there yet, `jobs` at a time, yielding each architecture as its file is done."""
    missing = [a for a in architectures if not model_file(folder, a, precision).exists()]
    yield from (a for a in architectures if a not in missing)
    if jobs == 1 or len(missing) < 2:
        for architecture in missing:
            export_untrained(architecture, precision, folder)
            yield architecture
        return
    # A process that has started threads, as JAX does, is not to be forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(missing)), context) as pool:
        tasks = [(a.text, precision, str(folder)) for a in missing]
        for architecture, _ in zip(missing, pool.map(_export, tasks), strict=True):
            yield architecture


def _export(task: tuple[str, str, str]) -> None:
    """Exports one architecture, in a process of its own."""
    text, precision, folder = task
    export_untrained(Architecture.parse(text), precision, Path(folder))
