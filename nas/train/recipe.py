"""How a network is trained, as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.errors import InputError, unknown
from nas.train.augment import kinds

OPTIMIZERS = ("adam", "adamw", "lamb", "lion", "muon", "rmsprop", "sgd")
SCHEDULES = ("constant", "cosine", "exponential", "linear", "step")
PRECISIONS = ("bfloat16", "float32")
NORMS_OVER = ("batch", "device")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, but for the network, the pictures and the seed.

    The learning rate is for batches of `learning_rate_batch` pictures and scaled in
    proportion to the recipe's own (arXiv 1706.02677; 0: for these). It rises linearly over
    `warmup_epochs`, though never for more than half of the epochs, and then follows the
    schedule: half a cosine (arXiv 1608.03983) or a line to zero; `decay_rate` to the power of
    the epochs in units of `decay_epochs` (exponential; step: whole units alone, as
    EfficientNet's 0.97 every 2.4 epochs); or constant.

    Weight decay is decoupled for adamw, lamb, lion and muon (arXiv 1711.05101), added to the
    gradient for the others, and never applied to norms and biases. `momentum` is for sgd,
    rmsprop and muon. `ema` is the decay a step of the averaged weights that are evaluated and
    kept (0: the last weights themselves). `gradient_clip` is the largest norm that all
    gradients together may have (0: any).

    `augment` lists what `nas.train.augment.kinds` has, as "flip" or "mixup alpha=0.4".
    `stochastic_depth` is how often a block after the last of all stages would be left out,
    the first being so never, those between in proportion (as EfficientNet); `dropout` the
    share of what the last layer with weights reads that is set to zero.

    `accumulate` splits each batch into so many parts that follow one another, in whose
    memory it is computed: the same step but for batch norms, which see the parts. In
    `precision` bfloat16 the network computes so in training; parameters, their updates,
    batch norms and the loss are float32, and so is evaluation.

    `norms_over` says what batch norms see where several devices share a batch: the whole
    "batch", which gives the numbers of one device, or each "device" its share, for which
    none waits for another (a processor's threads then pass for devices); running statistics
    are then the mean of all devices'.

    `progressive_stages` above 1: as many stretches of epochs in which the pictures' side
    grows from `progressive_from` times the network's to the whole, and augmentation and
    dropout with it (arXiv 2104.00298).

    Raises `InputError` for a value that cannot be meant.
    """

    epochs: int = 30
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 4e-3
    learning_rate_batch: int = 0
    schedule: str = "cosine"
    decay_rate: float = 0.97
    decay_epochs: float = 2.4
    momentum: float = 0.9
    weight_decay: float = 0.02
    warmup_epochs: float = 2
    label_smoothing: float = 0.1
    ema: float = 0
    augment: Sequence[str] = ("shift",)
    gradient_clip: float = 0
    stochastic_depth: float = 0
    dropout: float = 0
    accumulate: int = 1
    precision: str = "float32"
    norms_over: str = "batch"
    progressive_stages: int = 1
    progressive_from: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(kinds.written(kinds.read(text)) for text in self.augment))
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name}: found {getattr(self, name)}; expected {low} to {high}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: {unknown(name, getattr(self, name), known)}")
        if self.batch_size % self.accumulate or self.batch_size // self.accumulate < 2:
            raise InputError(
                f"accumulate: found {self.accumulate}; expected parts of one size, "
                f"2 or more, of a batch of {self.batch_size}"
            )


_CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "precision": PRECISIONS, "norms_over": NORMS_OVER}
_RANGES = {
    "epochs": (1, 100_000),
    "batch_size": (2, 65_536),
    "learning_rate": (1e-9, 100),
    "learning_rate_batch": (0, 65_536),
    "decay_rate": (1e-6, 1),
    "decay_epochs": (1e-3, 100_000),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 10),
    "warmup_epochs": (0, 100_000),
    "label_smoothing": (0, 0.99),
    "ema": (0, 0.999999),
    "gradient_clip": (0, 1e9),
    "stochastic_depth": (0, 0.95),
    "dropout": (0, 0.95),
    "accumulate": (1, 65_536),
    "progressive_stages": (1, 100),
    "progressive_from": (0.05, 1),
}
