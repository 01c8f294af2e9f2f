"""RandAugment (arXiv 1909.13719) for whole batches.

Every picture draws an operation of its own. Those that move pixels are one gather, by a
matrix for each picture; those that blend are one blend, with what each picture's
operation blends with. So a layer costs about four passes over the batch, and compiles
once for all layers.

The fourteen operations are the paper's. At magnitude 10 they turn by 30 degrees, shear by
0.3, move by a third of the side, blend by a factor of 0.1 or 1.9, keep 4 bits, and
invert all pixels; at 0 nothing but autocontrast and equalize changes a picture.
"""

import jax
import jax.numpy as jnp
from jax import lax

from nas.train.augment.kinds import Randaugment
from nas.train.augment.pictures import Strength

GREY = 128.0  # of what comes in from outside the picture
BLENDS = ("brightness", "contrast", "color", "sharpness")
TONES = ("identity", "autocontrast", "equalize", "posterize", "solarize")
MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
OPERATIONS = (*TONES, *BLENDS, *MOVES)
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


def randaugment(images: jax.Array, key: jax.Array, kind: Randaugment, strength: Strength) -> jax.Array:
    """Pictures (B, H, W, C) of 0 to 255, each after some random operations; float32."""
    magnitude = jnp.asarray(kind.magnitude / 10 * strength, jnp.float32)

    def layer(images: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        choice_key, sign_key = jax.random.split(key)
        count = (images.shape[0],)
        operations = jax.random.randint(choice_key, count, 0, len(OPERATIONS))
        signed = magnitude * jnp.where(jax.random.bernoulli(sign_key, shape=count), 1.0, -1.0)
        return operate(images, operations, signed), None

    images, _ = lax.scan(layer, images.astype(jnp.float32), jax.random.split(key, kind.layers))
    return images


def operate(images: jax.Array, operations: jax.Array, magnitudes: jax.Array) -> jax.Array:
    """Each of (B, H, W, C) float32 pictures after its operation, (B,) of the number in `OPERATIONS`.

    `magnitudes` (B,) are -1 to 1; the sign is the direction of what has one.
    """

    def where(name: str) -> jax.Array:
        return (operations == OPERATIONS.index(name)).reshape(-1, 1, 1, 1)

    toned = _toned(images, where, jnp.abs(magnitudes).reshape(-1, 1, 1, 1))
    blended = _blended(toned, where, magnitudes.reshape(-1, 1, 1, 1))
    return _moved(blended, operations, magnitudes)


def _toned(images: jax.Array, where, magnitude: jax.Array) -> jax.Array:  # type: ignore[no-untyped-def]
    low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
    stretched = jnp.where(high > low, (images - low) * (255 / jnp.maximum(high - low, 1)), images)
    step = 2 ** jnp.round(4 * magnitude)
    tones = {
        "autocontrast": stretched,
        "equalize": jax.vmap(_equalized)(images),
        "posterize": jnp.floor(images / step) * step,
        "solarize": jnp.where(images >= 256 * (1 - magnitude), 255 - images, images),
    }
    for name, tone in tones.items():
        images = jnp.where(where(name), tone, images)
    return images


def _equalized(image: jax.Array) -> jax.Array:
    """A picture (H, W, C) whose every channel has about as many pixels of each value, or still its only one."""

    def channel(values: jax.Array) -> jax.Array:
        levels = values.astype(jnp.int32).reshape(-1)
        counts = jnp.zeros(256, jnp.int32).at[levels].add(1)
        below = jnp.cumsum(counts) - counts  # pixels darker than each value
        darker = below[levels]
        brightest = below[levels.max()]
        spread = (255 * darker / jnp.maximum(brightest, 1)).reshape(values.shape)
        return jnp.where(brightest > 0, spread, values)

    return jax.vmap(channel, in_axes=2, out_axes=2)(image)


def _blended(images: jax.Array, where, magnitude: jax.Array) -> jax.Array:  # type: ignore[no-untyped-def]
    """Away from, or towards, what the operation blends with."""
    weights = jnp.array(_LUMINANCE) if images.shape[-1] == 3 else jnp.full(images.shape[-1], 1 / images.shape[-1])
    grey = jnp.sum(images * weights.reshape(1, 1, 1, -1), -1, keepdims=True)
    others = {
        "brightness": jnp.zeros_like(images),
        "contrast": jnp.broadcast_to(grey.mean((1, 2), keepdims=True), images.shape),
        "color": jnp.broadcast_to(grey, images.shape),
        "sharpness": _smoothed(images),
    }
    other = images
    for name in BLENDS:
        other = jnp.where(where(name), others[name], other)
    return jnp.clip(other + (1 + 0.9 * magnitude) * (images - other), 0, 255)


def _smoothed(images: jax.Array) -> jax.Array:
    """The mean of each pixel's surroundings, itself five times; the border stays."""
    height, width = images.shape[1:3]
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    total = sum(padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)) + 4 * images
    border = (jnp.arange(height) % (height - 1) == 0)[:, None] | (jnp.arange(width) % (width - 1) == 0)[None]
    return jnp.where(border[None, :, :, None], images, total / 13)


def _moved(images: jax.Array, operations: jax.Array, magnitudes: jax.Array) -> jax.Array:
    """Pixels from where each picture's matrix says, the nearest ones; grey from outside."""

    def size(name: str, most: float) -> jax.Array:
        return jnp.where(operations == OPERATIONS.index(name), most * magnitudes, 0.0)[:, None, None]

    count, height, width, channels = images.shape
    turn, shear_x, shear_y = size("rotate", jnp.pi / 6), size("shear_x", 0.3), size("shear_y", 0.3)
    down = (jnp.arange(height) - (height - 1) / 2)[None, :, None]
    right = (jnp.arange(width) - (width - 1) / 2)[None, None, :]
    y = jnp.cos(turn) * down - jnp.sin(turn) * right + shear_y * right + size("translate_y", height / 3)
    x = jnp.sin(turn) * down + jnp.cos(turn) * right + shear_x * down + size("translate_x", width / 3)
    row = jnp.round(y + (height - 1) / 2).astype(jnp.int32)
    column = jnp.round(x + (width - 1) / 2).astype(jnp.int32)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    source = (row.clip(0, height - 1) * width + column.clip(0, width - 1)).reshape(count, -1, 1)
    moved = jnp.take_along_axis(images.reshape(count, -1, channels), source, 1).reshape(images.shape)
    return jnp.where(inside[..., None], moved, GREY)
