"""The optimizers and the learning rate of a recipe."""

import math

import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from nas.train.recipe import Recipe


def make_optimizer(name: str, momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Gradients to updates, before the learning rate.

    Its `update` adds `weight_decay` times the `params` it is given: whoever calls it
    gives zeros where nothing is to decay. RMSProp is EfficientNet's (arXiv 1905.11946,
    section 5): decay 0.9, momentum, epsilon 0.001.
    """
    decay = optax.add_decayed_weights(weight_decay)
    if name == "adamw":
        return optax.chain(optax.scale_by_adam(), decay)
    if name == "rmsprop":
        return optax.chain(decay, optax.scale_by_rms(0.9, 1e-3), optax.trace(momentum))
    return optax.chain(decay, optax.trace(momentum, nesterov=True))


def learning_rates(recipe: Recipe, steps_per_epoch: int) -> NDArray[np.float32]:
    """The learning rate of every step, (epochs * steps_per_epoch,).

    Linear warm-up, then half a cosine to zero (arXiv 1608.03983, equation 5).
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(math.ceil(recipe.warmup_epochs * steps_per_epoch), total)
    step = np.arange(1, total + 1)
    rising = step / max(warmup, 1)
    falling = (1 + np.cos(np.pi * (step - warmup) / max(total - warmup + 1, 1))) / 2
    return (recipe.learning_rate * np.where(step <= warmup, rising, falling)).astype(np.float32)
