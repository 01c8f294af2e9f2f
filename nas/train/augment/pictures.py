"""Changes of pictures by themselves that move or cover pixels, a whole batch at a time."""

import jax
import jax.numpy as jnp

from nas.train.augment.kinds import Crop, Erase, Flip, Shift

Strength = jax.Array | float


def flip(images: jax.Array, key: jax.Array, _kind: Flip, _strength: Strength) -> jax.Array:
    """Half of (B, H, W, C) pictures mirrored left to right."""
    mirrored = jax.random.bernoulli(key, shape=(images.shape[0], 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def shift(images: jax.Array, key: jax.Array, kind: Shift, _strength: Strength) -> jax.Array:
    """Every one of (B, H, W, C) pictures moved, its edge repeated where it left."""
    for axis, axis_key in zip((1, 2), jax.random.split(key), strict=True):
        side = images.shape[axis]
        reach = max(1, int(side * kind.part))
        moves = jax.random.randint(axis_key, (images.shape[0], 1), -reach, reach + 1)
        places = jnp.clip(jnp.arange(side)[None] + moves, 0, side - 1)  # (B, side): where each line comes from
        images = jnp.take_along_axis(images, jnp.expand_dims(places, (3 - axis, 3)), axis)
    return images


def crop(images: jax.Array, key: jax.Array, kind: Crop, _strength: Strength) -> jax.Array:
    """A part of each of (B, H, W, C) pictures, enlarged to the whole by linear interpolation; float32."""
    area_key, *place_keys = jax.random.split(key, 3)
    part = jnp.sqrt(jax.random.uniform(area_key, (images.shape[0], 1), minval=kind.smallest))  # (B, 1), of a side
    rows, columns = (
        _enlarging(part, jax.random.uniform(place_key, part.shape), side)
        for place_key, side in zip(place_keys, images.shape[1:3], strict=True)
    )
    return jnp.einsum("bih,bjw,bhwc->bijc", rows, columns, images.astype(jnp.float32), optimize=True)


def _enlarging(part: jax.Array, place: jax.Array, side: int) -> jax.Array:
    """How much every new line takes of every old one, (B, side, side); a `part` begins at a `place`, both (B, 1)."""
    begin = place * (1 - part) * side
    middle = begin + (jnp.arange(side)[None] + 0.5) * part - 0.5  # (B, side): where new lines lie among the old
    distance = jnp.abs(jnp.clip(middle, 0, side - 1)[:, :, None] - jnp.arange(side)[None, None])
    return jnp.maximum(0, 1 - distance)


def erase(images: jax.Array, key: jax.Array, kind: Erase, strength: Strength) -> jax.Array:
    """A rectangle of noise in some of (B, H, W, C) pictures; its sides are as 1 to 3 at most, as in the paper."""
    draw_key, noise_key = jax.random.split(key)
    draws = jax.random.uniform(draw_key, (5, images.shape[0]))  # all at once: each call is a second of compiling
    chosen = draws[0] < kind.share * strength
    area = kind.smallest + draws[1] * (kind.largest - kind.smallest)
    aspect = 3 ** (2 * draws[2] - 1)
    parts = jnp.sqrt(area * aspect), jnp.sqrt(area / aspect)  # of height and width
    inside = rectangle(images.shape, jnp.stack(parts, -1), draws[3:].T)
    noise = jax.random.bits(noise_key, images.shape, jnp.uint8)
    return jnp.where(chosen.reshape(-1, 1, 1, 1) & inside, noise.astype(images.dtype), images)


def rectangle(shape: tuple[int, ...], parts: jax.Array, places: jax.Array) -> jax.Array:
    """Which pixels of (B, H, W, C) pictures lie in a rectangle of each, (B, H, W, 1) bool.

    `parts` (B, 2): its height and width as parts of the picture's, at most 1; `places`
    (B, 2): where it lies in the room that it leaves, from 0 (top, left) to 1.
    """
    sides = jnp.array(shape[1:3])[None]
    lengths = jnp.round(jnp.minimum(parts, 1) * sides)
    begin = jnp.floor(places * (sides - lengths + 1)).clip(0, sides - lengths)
    rows, columns = (
        (jnp.arange(side)[None] >= begin[:, axis, None]) & (jnp.arange(side)[None] < (begin + lengths)[:, axis, None])
        for axis, side in enumerate(shape[1:3])
    )
    return rows[:, :, None, None] & columns[:, None, :, None]
