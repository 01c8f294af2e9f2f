"""Pictures as networks take them, and a batch of them changed at random."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nas.train.augment import kinds
from nas.train.augment.kinds import Kind
from nas.train.augment.mixing import mix
from nas.train.augment.pictures import crop, erase, flip, shift
from nas.train.augment.randaugment import randaugment


class Labels(NamedTuple):
    """What is in each picture: a class, or by `share` (0 to 1) a class and else another."""

    own: Any  # (B,) int
    other: Any = None  # (B,) int; None where no pictures are mixed
    share: Any = None  # (B,) float32, of `own`


def normalise(images: jax.Array) -> jax.Array:
    """(B, H, W, C) of 0 to 255 to float32 in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


def augment(
    images: jax.Array, labels: jax.Array, names: Sequence[str], seed: jax.Array, strength: jax.Array | float = 1.0
) -> tuple[jax.Array, Labels]:
    """Pictures (B, H, W, C) uint8 with classes (B,), changed as the named augmentations and a number say.

    In the order named, but that pictures are mixed at the end. `strength` (0 to 1)
    multiplies magnitudes, shares and weights. Pixels stay within 0 to 255.
    """
    found = [kinds.read(name) for name in names]
    keys = jax.random.split(jax.random.key(seed), max(1, len(found)))
    for key, kind in zip(keys, found, strict=False):
        if not kind.mixes:
            images = _CHANGES[type(kind)](images, key, kind, strength)
    mixing = [(key, kind) for key, kind in zip(keys, found, strict=False) if kind.mixes]
    if not mixing:
        return images, Labels(labels)
    images, share = mix(images, mixing[0][0], [kind for _, kind in mixing], strength)
    return images, Labels(labels, jnp.roll(labels, 1), share)


_Change = Callable[[jax.Array, jax.Array, Any, jax.Array | float], jax.Array]
_CHANGES: dict[type[Kind], _Change] = {
    kinds.Flip: flip,
    kinds.Shift: shift,
    kinds.Crop: crop,
    kinds.Erase: erase,
    kinds.Randaugment: randaugment,
}
