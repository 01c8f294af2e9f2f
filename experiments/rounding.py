"""The steps that a training rounds to, found when it begins and kept in its folder."""

from pathlib import Path

from experiments.training import Training
from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import initialise
from nas.rounding.grid import Grid
from nas.train import Dataset
from nas.train.rounded import block_roundings
from nas.train.transfer import Start, take_over

FILE = "grid.json"
CALIBRATION_PICTURES = 200


def training_grid(
    folder: Path, training: Training, architecture: Architecture, dataset: Dataset, start: Start | None
) -> Grid | None:
    """The grid in a training's folder, or of the weights that it starts from; None where it does not round.

    Raises `InputError` where there are no weights to start from, or something of the
    network has no rounded form.
    """
    if training.rounding is None:
        return None
    if start is None:
        raise InputError("rounding: found no --init; expected trained weights, which say what there is to round")
    if (folder / FILE).exists():
        return Grid.load(folder / FILE)
    from experiments.stages.export import calibration_pictures
    from nas.export.tflite import fit_grid

    network = initialise(architecture)
    take_over(network, start)
    network.eval()  # type: ignore[no-untyped-call]
    shape = tuple(int(size) for size in dataset.train.images.shape[1:])
    pictures = calibration_pictures(dataset.train.images, CALIBRATION_PICTURES, training.seed)
    grid = fit_grid(network, (1, *shape), pictures, training.rounding)  # type: ignore[arg-type]
    block_roundings(network, shape, training.recipe, grid)  # refuses what cannot be rounded before anything is trained
    return grid


def kept_grid(folder: Path) -> Grid | None:
    """The grid of a training's folder; None where its training did not round."""
    return Grid.load(folder / FILE) if (folder / FILE).exists() else None
