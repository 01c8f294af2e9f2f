"""Pictures mixed with one another: mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nas.train.augment.kinds import Kind, Mixup
from nas.train.augment.pictures import Strength, rectangle

LEAST = 1e-30  # whose logarithm is a number
TRIES = 16  # draws of which one is accepted but for once in 65 000


def mix(images: jax.Array, key: jax.Array, ways: Sequence[Kind], strength: Strength) -> tuple[jax.Array, jax.Array]:
    """Each of (B, H, W, C) pictures mixed with the one before it, and how much of it stays, (B,).

    Batches are in random order, so the one before is anyone. Of several ways each picture
    is mixed by one, drawn anew. Weights are drawn for every picture.
    """
    choice_key, *keys = jax.random.split(key, len(ways) + 1)
    kept = [_kept(images.shape, key, way, strength) for key, way in zip(keys, ways, strict=True)]
    stays = kept[0]
    if len(ways) > 1:
        chosen = jax.random.randint(choice_key, (1, images.shape[0], 1, 1, 1), 0, len(ways))
        stays = jnp.take_along_axis(jnp.stack(kept), chosen, 0)[0]
    mixed = stays * images + (1 - stays) * jnp.roll(images, 1, axis=0)
    return mixed, jnp.mean(stays, (1, 2, 3))


def _kept(shape: tuple[int, ...], key: jax.Array, way: Kind, strength: Strength) -> jax.Array:
    """How much of every pixel stays, (B, H, W, 1)."""
    weight_key, place_key = jax.random.split(key)
    weights = _beta(weight_key, way.alpha * strength, shape[0])  # type: ignore[attr-defined]
    if isinstance(way, Mixup):
        return jnp.broadcast_to(weights[:, None, None, None], (*shape[:3], 1))
    parts = jnp.broadcast_to(jnp.sqrt(1 - weights)[:, None], (shape[0], 2))
    inside = rectangle(shape, parts, jax.random.uniform(place_key, parts.shape))
    return 1 - inside.astype(jnp.float32)


def _beta(key: jax.Array, alpha: Strength, count: int) -> jax.Array:
    """Draws from Beta(alpha, alpha) for an alpha up to 1, (count,), by Jöhnk's method.

    `jax.random.beta` takes any alpha, and a compiler several seconds.
    """
    x, y = jnp.log(jax.random.uniform(key, (2, TRIES, count), minval=LEAST)) / alpha
    first = jnp.argmax(jnp.logaddexp(x, y) <= 0, axis=0)  # at least half are accepted
    return jnp.take_along_axis(jax.nn.sigmoid(x - y), first[None], 0)[0]
