"""Training: data, recipes, the compiled step, checkpoints, evaluation.

What is named here is imported when it is first used, so that reading a recipe does not
bring in JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.resizing import resize
    from nas.train.checkpoint import load_trained
    from nas.train.data import Dataset, Split, at_resolution
    from nas.train.evaluate import accuracy, logits
    from nas.train.loading import load_dataset
    from nas.train.loop import Epoch, Trained, TrainingFailed, train
    from nas.train.recipe import Recipe

__all__ = [
    "Dataset",
    "Epoch",
    "Recipe",
    "Split",
    "Trained",
    "TrainingFailed",
    "accuracy",
    "at_resolution",
    "load_dataset",
    "load_trained",
    "logits",
    "resize",
    "train",
]

_HOMES = {
    "checkpoint": ("load_trained",),
    "data": ("Dataset", "Split", "at_resolution", "resize"),
    "evaluate": ("accuracy", "logits"),
    "loading": ("load_dataset",),
    "loop": ("Epoch", "Trained", "TrainingFailed", "train"),
    "recipe": ("Recipe",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nas.train.{home}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
