"""The programs that make of pictures what networks read."""

from functools import cache
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp

from nas.train.augment.batch import augment, normalise
from nas.train.program import program


@cache
def input_program(augmentations: tuple[str, ...], parts: int, precision: str, side: int) -> Any:
    """(images uint8, labels, seed, strength) to what a network in training reads, and their `Labels`, in equal parts.

    The pictures come with the height and width `side`.
    """

    def read(images: jax.Array, labels: jax.Array, seed: jax.Array, strength: jax.Array) -> list[Any]:
        changed, soft = augment(images, labels, augmentations, seed, strength)
        x = _resized(normalise(changed), side)
        # Every so many-th picture: neighbours may lie on different devices, which all have their share of each part.
        return [jax.tree.map(itemgetter(slice(i, None, parts)), (x.astype(precision), soft)) for i in range(parts)]

    return program(read, f"read {augmentations} {parts} {precision} {side}")


@cache
def normalise_program() -> Any:
    """Pictures to the input of a network in evaluation."""
    return program(normalise, "normalise")


@cache
def reread_program(side: int, precision: str) -> Any:
    """Pictures as `input_program` gives them to the same `side` high and wide, in a precision of their own."""
    return program(lambda x: _resized(x.astype(jnp.float32), side).astype(precision), f"reread {side} {precision}")


def _resized(x: jax.Array, side: int) -> jax.Array:
    return x if side == x.shape[1] else jax.image.resize(x, (x.shape[0], side, side, x.shape[3]), "linear")
