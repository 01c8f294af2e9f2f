"""Pictures at another size, or with another number of colour channels."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.errors import InputError

Images = NDArray[np.uint8]
Fit = Literal["crop", "stretch"]
"""How a picture becomes square: its centre is cut out, or its sides are pressed to one length."""
FITS: tuple[str, ...] = get_args(Fit)

_LUMA = np.array([299, 587, 114], np.uint32)  # thousandths of red, green and blue (ITU-R BT.601), as Pillow has them


def resize(images: Images, resolution: int, fit: Fit = "crop") -> Images:
    """(N, H, W, C) to (N, resolution, resolution, C), bilinear with antialiasing."""
    if images.shape[1:3] == (resolution, resolution):
        return images
    return np.stack([resize_one(image, resolution, fit) for image in images])


def resize_one(image: Images, resolution: int, fit: Fit = "crop") -> Images:
    """(H, W, C) to (resolution, resolution, C), bilinear with antialiasing."""
    square = _centre(image) if fit == "crop" else image
    channels = image.shape[-1]
    planes = [Image.fromarray(square[..., c]) for c in range(channels)] if channels != 3 else [Image.fromarray(square)]
    resized = [plane.resize((resolution, resolution), Image.Resampling.BILINEAR) for plane in planes]
    return np.concatenate([np.asarray(p).reshape(resolution, resolution, -1) for p in resized], axis=-1)


def _centre(image: Images) -> Images:
    """The largest square in the middle of (H, W, C)."""
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def with_channels(images: Images, channels: int | None) -> Images:
    """(..., C) to (..., channels): grey repeated as colour, or colour as its brightness; None leaves it.

    Raises `InputError` for any other change.
    """
    found = images.shape[-1]
    if channels in (None, found):
        return images
    if (found, channels) == (1, 3):
        return np.repeat(images, 3, axis=-1)
    if (found, channels) == (3, 1):
        return ((images @ _LUMA + 500) // 1000).astype(np.uint8)[..., None]
    raise InputError(f"data.channels: found {channels} for pictures of {found} channels; expected {found}")
