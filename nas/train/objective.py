"""What training makes small: the distance of a network's outputs from the labels, and from a teacher's outputs."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import optax  # type: ignore[import-untyped]

from nas.train.augment.batch import Labels
from nas.train.program import program


@cache
def loss_program(label_smoothing: float, parts: int, distillation: tuple[float, float] | None) -> Any:
    """(logits (B, classes), `Labels`, a teacher's logits or None) to a loss and its gradient in the logits.

    The mean cross-entropy divided by `parts`, so that those of all parts add up to the
    batch's. `distillation` is a weight and a temperature: by so much the loss is instead
    the divergence from the teacher's softened outputs (arXiv 1503.02531).
    """

    def loss(logits: jax.Array, labels: Labels, teacher: jax.Array | None) -> jax.Array:
        logits = logits.astype(jnp.float32)
        targets = optax.smooth_labels(_one_hot(labels, logits.shape[-1]), label_smoothing)
        value = optax.softmax_cross_entropy(logits, targets).mean()
        if distillation is not None and teacher is not None:
            weight, temperature = distillation
            soft, softer = (jax.nn.log_softmax(outputs / temperature) for outputs in (logits, teacher))
            # Gradients of softened outputs shrink with the square of the temperature (section 2).
            distance = temperature**2 * jnp.sum(jnp.exp(softer) * (softer - soft), -1).mean()
            value = (1 - weight) * value + weight * distance
        return value / parts  # type: ignore[no-any-return]

    return program(jax.value_and_grad(loss), f"loss {label_smoothing} {parts} {distillation}")


def _one_hot(labels: Labels, classes: int) -> jax.Array:
    own = jax.nn.one_hot(labels.own, classes)
    if labels.other is None:
        return own
    share: jax.Array = labels.share[:, None]
    return share * own + (1 - share) * jax.nn.one_hot(labels.other, classes)
