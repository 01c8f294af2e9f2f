"""The formats that a network can be exported to: names, suffixes, what each needs, and its converter.

Light to import: converters are loaded when they run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError, unknown
from nas.export.card import Card
from nas.export.quantization.method import PLAIN, Method
from nas.files import write_bytes
from nas.rounding.grid import Grid

if TYPE_CHECKING:  # it brings in JAX
    from nas.export.tracing import Forward

DEFAULT = "int8"
Picture = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Job:
    """What is exported: a network for pictures of `shape` (1, H, W, C), pictures for those formats that
    calibrate, and what the file is to say of itself."""

    network: "Forward"
    shape: tuple[int, int, int, int]
    card: Card
    calibration: Sequence[Picture] = ()
    method: Method = PLAIN  # of int8 and uint8
    grid: Grid | None = None  # their steps, where the network was trained with them


@dataclass(frozen=True)
class Format:
    """One format. `extra` is the optional part of this package that installs its converter.

    `mark` is a file that every folder of the format holds; empty where the format is a file.
    """

    name: str
    suffix: str
    extra: str
    about: str
    write: Callable[[Job, "Format", Path], None]
    calibrates: bool = False
    mark: str = ""

    @property
    def lite(self) -> bool:
        """Whether it is a .tflite file."""
        return self.suffix == ".tflite"


def export(job: Job, name: str, path: Path) -> Format:
    """Writes the network to `path` in the format `name`, whole or not at all.

    Raises `InputError` for an unknown format, a converter that is not installed, a network
    that the format has no form of, weights that are not finite, and a path that cannot be written.
    """
    form = find_format(name)
    form.write(job, form, path)
    return form


def find_format(name: str) -> Format:
    """The format of that name; raises `InputError` where there is none."""
    if name not in FORMATS:
        raise InputError(f"export: {unknown('format', name, FORMATS)}")
    return FORMATS[name]


def format_of(path: Path, name: str | None = None) -> Format:
    """The format `name`; where none is given, the one that the path ends as, and int8 for .tflite and all others.

    Raises `InputError` for an unknown format, and for a path that ends as those of others do.
    """
    told = [form for form in FORMATS.values() if form.suffix and form.suffix == path.suffix]
    if name is None:
        return next((form for form in told if not form.lite), FORMATS[DEFAULT])
    form = find_format(name)
    if told and form not in told:
        others = ", ".join(other.name for other in told)
        right = f"ends in {form.suffix}" if form.suffix else f"does not end in {path.suffix}"
        raise InputError(f"{path}: found the format {name}; expected {others}, or a name that {right}")
    return form


def _tflite(job: Job, form: Format, path: Path) -> None:
    from nas.export.metadata import described
    from nas.export.tflite import convert

    calibration = job.calibration if form.calibrates else None
    data = convert(job.network, job.shape, form.name, calibration, job.method, job.grid)
    write_bytes(path, described(data, job.card))


def _onnx(job: Job, form: Format, path: Path) -> None:  # noqa: ARG001
    from nas.export.onnx import onnx_bytes

    write_bytes(path, onnx_bytes(_plain(job), job.card))


def _savedmodel(job: Job, form: Format, path: Path) -> None:
    from nas.export.folder import write_folder
    from nas.export.savedmodel import write_savedmodel

    write_folder(path, lambda folder: write_savedmodel(_plain(job), folder), form.mark)


def _coreml(job: Job, form: Format, path: Path) -> None:
    from nas.export.coreml import write_coreml
    from nas.export.folder import write_folder

    if path.suffix != form.suffix:
        raise InputError(f"{path}: is a Core ML package; expected a name that ends in {form.suffix}")
    write_folder(path, lambda folder: write_coreml(_plain(job), job.card, folder), form.mark)


def _plain(job: Job) -> Any:
    from nas.export.lowering import lower
    from nas.export.tracing import trace_forward

    return lower(trace_forward(job.network, job.shape, mappable=False))


_LITE = (
    ("float32", "weights and activations of 32 bits", False),
    ("float16", "weights of 16 bits, activations of 32", False),
    ("dynamic", "weights of 8 bits, activations of 32", False),
    ("int8", "integers of 8 bits throughout, for the Edge TPU", True),
    ("uint8", "as int8, with pixels of 0..255 as they are for input", True),
    ("int16x8", "activations of 16 bits and weights of 8, for DSPs", True),
)
FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        *(Format(name, ".tflite", "export", f"TFLite: {about}", _tflite, uses) for name, about, uses in _LITE),
        Format("savedmodel", "", "export", "TensorFlow's SavedModel, a folder", _savedmodel, mark="saved_model.pb"),
        Format("onnx", ".onnx", "onnx", "ONNX, opset 17", _onnx),
        Format("coreml", ".mlpackage", "coreml", "Core ML for iOS 15 and newer", _coreml, mark="Manifest.json"),
    )
}
