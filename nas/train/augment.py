"""Pictures as networks take them, and their random changes in training; all on the device."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

SHIFT = 8  # pictures move by up to this part of their side


def normalise(images: jax.Array) -> jax.Array:
    """(B, H, W, C) uint8 in [0, 255] to float32 in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


def augment(images: jax.Array, names: Sequence[str], seed: jax.Array) -> jax.Array:
    """Each of (B, H, W, C) pictures changed by itself, as the named augmentations and a number say."""
    for key, name in zip(jax.random.split(jax.random.key(seed), max(1, len(names))), names, strict=False):
        images = _AUGMENTATIONS[name](images, key)
    return images


def flip(images: jax.Array, key: jax.Array) -> jax.Array:
    """Half of the pictures mirrored left to right."""
    mirrored = jax.random.bernoulli(key, shape=(images.shape[0], 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def shift(images: jax.Array, key: jax.Array) -> jax.Array:
    """Every picture moved by up to an eighth of its side, its edge repeated where it left."""
    for axis, axis_key in zip((1, 2), jax.random.split(key), strict=True):
        side = images.shape[axis]
        reach = max(1, side // SHIFT)
        moves = jax.random.randint(axis_key, (images.shape[0], 1), -reach, reach + 1)
        places = jnp.clip(jnp.arange(side)[None] + moves, 0, side - 1)  # (B, side): where each line comes from
        images = jnp.take_along_axis(images, jnp.expand_dims(places, (3 - axis, 3)), axis)
    return images


_AUGMENTATIONS = {"flip": flip, "shift": shift}
