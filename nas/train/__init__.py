"""Training: data, recipes, the compiled step, checkpoints, evaluation.

What is named here is imported when it is first used, so that reading a recipe does not
bring in JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.train.data import Dataset, Split, at_resolution, load_dataset, resize
    from nas.train.evaluate import accuracy, logits
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
    "logits",
    "resize",
    "train",
]

_HOMES = {
    "data": ("Dataset", "Split", "at_resolution", "load_dataset", "resize"),
    "evaluate": ("accuracy", "logits"),
    "loop": ("Epoch", "Trained", "TrainingFailed", "train"),
    "recipe": ("Recipe",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"nas.train.{home}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
