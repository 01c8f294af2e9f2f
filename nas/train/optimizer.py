"""The optimizers and the learning rate of a recipe."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax  # type: ignore[import-untyped]
from numpy.typing import NDArray

from nas.train.packing import Arrays
from nas.train.recipe import Recipe

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # K. Jordan's, whose steps bring all singular values near one
ROUNDS = 5
ADAM_RMS = 0.2  # root of the mean square of Adam's updates, about (arXiv 2502.16982, section 2.2)


def make_optimizer(
    name: str, momentum: float, weight_decay: float, arrays: Arrays | None = None
) -> optax.GradientTransformation:
    """Gradients to updates, before the learning rate, with what Optax has as defaults of that name.

    Its `update` adds `weight_decay` times the `params` it is given: whoever calls it
    gives zeros where nothing is to decay. RMSProp is EfficientNet's (arXiv 1905.11946,
    section 5): decay 0.9, momentum, epsilon 0.001, but its average of squares begins at zero,
    where TensorFlow's begins at one and so takes far shorter first steps. LAMB still lacks the
    `trust` of each kernel. Muon looks for matrices among the vector's `arrays`.
    """
    decay = optax.add_decayed_weights(weight_decay)
    transforms: dict[str, Callable[[], tuple[Any, ...]]] = {
        "adam": lambda: (decay, optax.scale_by_adam()),
        "adamw": lambda: (optax.scale_by_adam(), decay),
        "lamb": lambda: (optax.scale_by_adam(eps=1e-6), decay),
        "lion": lambda: (optax.scale_by_lion(), decay),
        "muon": lambda: (_muon(momentum, arrays), decay),
        "rmsprop": lambda: (decay, optax.scale_by_rms(0.9, 1e-3), optax.trace(momentum)),
        "sgd": lambda: (decay, optax.trace(momentum, nesterov=True)),
    }
    return optax.chain(*transforms[name]())


def trusts(name: str) -> bool:
    """Whether the optimizer's updates are to be multiplied by the `trust` of each kernel."""
    return name == "lamb"


def trust(weights: jax.Array, updates: jax.Array, ends: jax.Array) -> jax.Array:
    """What LAMB (arXiv 1904.00962) multiplies each update by, (length,): the norm of its kernel over the update's own.

    Kernels stand one after another in the vectors (length,), and end at `ends` (kernels,). It is 1
    where either norm is zero, and for what comes after the last kernel, as in the authors' code:
    biases begin at zero, and by their own norm they would hardly move.
    """
    kernel = jnp.sum(jnp.arange(weights.shape[0])[:, None] >= ends[None], -1)  # (length,), the number of each entry's

    def norms(values: jax.Array) -> Any:
        squares = jax.ops.segment_sum(values * values, kernel, ends.shape[0] + 1, indices_are_sorted=True)
        return jnp.sqrt(squares)

    mine, theirs = norms(weights), norms(updates)
    ratio = jnp.where((mine == 0) | (theirs == 0), 1, mine / jnp.where(theirs == 0, 1, theirs))
    return ratio.at[-1].set(1)[kernel]


def knows_arrays(name: str) -> bool:
    """Whether the optimizer's update differs from array to array by their shapes."""
    return name == "muon"


def _muon(momentum: float, arrays: Arrays | None) -> optax.GradientTransformation:
    """Muon (arXiv 2502.16982) for kernels, each as a matrix to its outputs; AdamW for all else, at the same rate.

    All else: kernels that read one channel (depthwise ones, a stem's on grey pictures), norms and biases, or
    everything where `arrays` are not known.
    """
    steady, adam = optax.trace(momentum, nesterov=True), optax.scale_by_adam()

    def init(vector: jax.Array) -> tuple[Any, Any]:
        return steady.init(vector), adam.init(vector)

    def update(gradient: jax.Array, moments: tuple[Any, Any], _: Any) -> tuple[jax.Array, tuple[Any, Any]]:
        along, first = steady.update(gradient, moments[0])
        usual, second = adam.update(gradient, moments[1])
        if arrays is None:
            return usual, (first, second)
        pairs = zip(*(jax.tree.leaves(arrays.unpack(vector)) for vector in (along, usual)), strict=True)
        chosen = [orthogonal(one) if _is_matrix(one.shape) else other for one, other in pairs]
        return arrays.pack(jax.tree.unflatten(arrays.names, chosen)), (first, second)

    return optax.GradientTransformation(init, update)


def _is_matrix(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-2] > 1


def orthogonal(kernel: jax.Array) -> jax.Array:
    """A kernel (..., outputs) as a matrix whose singular values are all about one, times what gives it Adam's size."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (jnp.linalg.norm(x) + 1e-8)
    a, b, c = NEWTON_SCHULZ
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    x = x if wide else x.T
    update: jax.Array = ADAM_RMS * math.sqrt(max(matrix.shape)) * x.reshape(kernel.shape)
    return update


def learning_rates(recipe: Recipe, steps_per_epoch: int) -> NDArray[np.float32]:
    """The learning rate of every step, (epochs * steps_per_epoch,)."""
    total = recipe.epochs * steps_per_epoch
    warmup = math.ceil(min(recipe.warmup_epochs, recipe.epochs / 2) * steps_per_epoch)
    step = np.arange(1, total + 1)
    rising = step / max(warmup, 1)
    highest = recipe.learning_rate * recipe.batch_size / (recipe.learning_rate_batch or recipe.batch_size)
    falling = _falling(recipe, (step - warmup) / max(total - warmup + 1, 1), (step - 1) / steps_per_epoch)
    return (highest * np.where(step <= warmup, rising, falling)).astype(np.float32)


def _falling(recipe: Recipe, part: NDArray[Any], epochs: NDArray[Any]) -> NDArray[Any]:
    """What the learning rate is multiplied by, a `part` of the way from the warm-up to the end, after `epochs`."""
    if recipe.schedule == "cosine":
        return np.asarray((1 + np.cos(np.pi * part)) / 2)  # arXiv 1608.03983, equation 5
    if recipe.schedule == "linear":
        return 1 - part
    if recipe.schedule == "constant":
        return np.ones_like(part)
    units = epochs / recipe.decay_epochs
    return np.asarray(recipe.decay_rate ** (np.floor(units) if recipe.schedule == "step" else units))
