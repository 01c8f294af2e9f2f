"""Pictures at another size, or with another number of colour channels."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.errors import InputError

Images = NDArray[np.uint8]
Fit = Literal["crop", "stretch"]
"""How a picture gets a network's shape, mostly square: its middle is cut out, or its sides are pressed."""
FITS: tuple[str, ...] = get_args(Fit)

AT_ONCE = 16  # pictures whose brightness is computed together, in numbers of four times their size
_LUMA = np.array([299, 587, 114], np.uint32)  # thousandths of red, green and blue (ITU-R BT.601), as Pillow has them


def resize(images: Images, resolution: int, fit: Fit = "crop") -> Images:
    """(N, H, W, C) to (N, resolution, resolution, C), bilinear with antialiasing."""
    if images.shape[1:3] == (resolution, resolution):
        return images
    resized = np.empty((len(images), resolution, resolution, images.shape[-1]), np.uint8)
    for place, image in zip(resized, images, strict=True):
        place[:] = resize_one(image, resolution, fit)
    return resized


def resize_one(image: Images, size: int | tuple[int, int], fit: Fit = "crop") -> Images:
    """(H, W, C) to (height, width, C), or as many pixels a side, bilinear with antialiasing."""
    height, width = (size, size) if isinstance(size, int) else size
    part = _centre(image, height, width) if fit == "crop" else image
    channels = image.shape[-1]
    planes = [Image.fromarray(part[..., c]) for c in range(channels)] if channels != 3 else [Image.fromarray(part)]
    resized = [plane.resize((width, height), Image.Resampling.BILINEAR) for plane in planes]
    return np.concatenate([np.asarray(p).reshape(height, width, -1) for p in resized], axis=-1)


def _centre(image: Images, height: int, width: int) -> Images:
    """The largest part in the middle of (H, W, C) whose sides are as `height` to `width`."""
    rows, columns = image.shape[:2]
    tall = max(1, min(rows, columns * height // width))
    wide = max(1, min(columns, rows * width // height))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return image[top : top + tall, left : left + wide]


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
        grey = np.empty((*images.shape[:-1], 1), np.uint8)
        for start in range(0, len(images), AT_ONCE):
            few = slice(start, start + AT_ONCE)
            grey[few, ..., 0] = (images[few] @ _LUMA + 500) // 1000
        return grey
    raise InputError(
        f"data: found pictures of {found} channels, which cannot be made {channels}; expected pictures of 1 or 3, "
        f"or an architecture whose input has {found}, without data.channels"
    )
