"""`nas qat` at work: a trained network trained on as its int8 file computes, and that file."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.data import as_needed, require_there
from experiments.export_command import export_model
from experiments.export_source import find_source, owner_of
from experiments.run_folder import EXPERIMENT
from experiments.schema import load_experiment
from experiments.sections.data import Data
from experiments.starting import checkpoints_in
from experiments.train_command import train_network
from experiments.training import TRAINING, Training, is_training, load_training
from experiments.yaml_source import KeyPath
from nas.errors import InputError
from nas.export.quantization.closeness import closeness
from nas.export.run import LiteModel
from nas.train import logits
from nas.train.allocation import keep_freed_memory
from nas.train.checkpoint import load_trained

FILE = "model_int8.tflite"


def rounded_training(source: Path, dataset: str | None = None) -> dict[KeyPath, Any]:
    """Settings of a training that goes on from a trained network, and learns from it, by their place.

    Raises `InputError` where there is no such network, or without another `dataset` its pictures are gone.
    """
    keep_freed_memory()
    kept, data = load_trained(checkpoints_in(source)), _data(source, dataset is None)
    said = {} if data is None else data.model_dump(mode="json", exclude={"normalise"})  # a part of the network by now
    return {
        ("name",): source.resolve().name,
        ("architecture",): kept.architecture.text,
        ("init",): str(source),
        ("teacher", "network"): str(source),
        **{("data", key): value for key, value in said.items()},
    }


def _data(folder: Path, there: bool) -> Data | None:
    """The pictures of a training or a run, or of that whose checkpoint it is; None where that is not known."""
    owner = owner_of(folder)
    if owner is None:
        return None
    file = owner / (TRAINING if is_training(owner) else EXPERIMENT)
    data = load_training(file).data if is_training(owner) else load_experiment(file).data
    if there:
        require_there(data, file)
    return data


def train_rounded(training: Training, out: Path) -> dict[str, Any]:
    """Trains in the folder `out`, or the rest of it, and writes the int8 file; what `nas qat --json` prints.

    Raises `InputError` where that cannot be done, or the folder is another's.
    """
    trained = train_network(training, out)
    file = out / FILE
    exported = export_model(str(out), "int8", file)
    return {**trained, "file": str(file), "edgetpu": exported["edgetpu"], "int8": _compared(training, out, file)}


def _compared(training: Training, out: Path, file: Path) -> dict[str, Any]:
    """The file beside the float network of before, and beside the rounded network, on the test split."""
    source = find_source(str(out))
    if source.grid is None or source.dataset is None:
        raise InputError(f"{out}: has lost its steps or its pictures; expected the folder as the training left it")
    test = as_needed(source.dataset, source.architecture.resolution).test
    before = load_trained(checkpoints_in(Path(str(training.init)))).network
    exact, rounded = logits(before, test.images), logits(source.network, test.images, source.grid)
    outputs = LiteModel(file, trusted=True).predict(test.images)
    return {
        "pictures": len(test),
        "float_accuracy": float((exact.argmax(1) == test.labels).mean()),
        "accuracy": float((outputs.argmax(1) == test.labels).mean()),
        "agreement": float((outputs.argmax(1) == exact.argmax(1)).mean()),
        "closeness": asdict(closeness(rounded, outputs, source.grid)),
    }
