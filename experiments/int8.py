"""How well a trained network does as the int8 file that it would be deployed as."""

import tempfile
from pathlib import Path

import numpy as np

from experiments.context import Context
from experiments.stages.export import calibration_pictures
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.files import write_bytes
from nas.network import Network


def int8_accuracy(context: Context, network: Network, resolution: int) -> float:
    """The share (0 to 1) of validation pictures that the network's int8 file answers rightly.

    Raises `InputError` where the network cannot be exported.
    """
    dataset = context.sized(resolution)
    count = context.experiment.export.calibration_images
    calibration = calibration_pictures(dataset.train.images, count, context.experiment.seed)
    model = convert(network, (1, *dataset.validation.images.shape[1:]), "int8", calibration)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trial.tflite"
        write_bytes(file, model)
        outputs = LiteModel(file, trusted=True).predict(dataset.validation.images)
    return float(np.mean(np.argmax(outputs, axis=-1) == dataset.validation.labels))
