"""How a network is trained, as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.errors import InputError, unknown

OPTIMIZERS = ("adamw", "rmsprop", "sgd")
AUGMENTATIONS = ("flip", "shift")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, but for the network, the pictures and the seed.

    The learning rate is for the batch size given; it rises linearly over `warmup_epochs`
    and falls to zero as half a cosine (arXiv 1608.03983). Weight decay is decoupled for
    adamw (arXiv 1711.05101), added to the gradient for the others, and never applied to
    norms and biases. `momentum` is for sgd and rmsprop. `ema` is the decay a step of the
    averaged weights that are evaluated and kept (0: the last weights themselves).
    `gradient_clip` is the largest norm that all gradients together may have (0: any).
    `shift` moves pictures by up to an eighth of their side, `flip` mirrors half of them.

    Raises `InputError` for a value that cannot be meant.
    """

    epochs: int = 30
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 4e-3
    momentum: float = 0.9
    weight_decay: float = 0.02
    warmup_epochs: float = 2
    label_smoothing: float = 0.1
    ema: float = 0
    augment: Sequence[str] = ("shift",)
    gradient_clip: float = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        _check("epochs", self.epochs, 1, 100_000)
        _check("batch_size", self.batch_size, 2, 65_536)
        _check("learning_rate", self.learning_rate, 1e-9, 100)
        _check("momentum", self.momentum, 0, 0.9999)
        _check("weight_decay", self.weight_decay, 0, 10)
        _check("warmup_epochs", self.warmup_epochs, 0, 100_000)
        _check("label_smoothing", self.label_smoothing, 0, 0.99)
        _check("ema", self.ema, 0, 0.999999)
        _check("gradient_clip", self.gradient_clip, 0, 1e9)
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer: {unknown('optimizer', self.optimizer, OPTIMIZERS)}")
        for name in self.augment:
            if name not in AUGMENTATIONS:
                raise InputError(f"augment: {unknown('augmentation', name, AUGMENTATIONS)}")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name}: found {value}; expected {low} to {high}")
