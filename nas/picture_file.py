"""A picture file as pixels: the one way in which training, evaluation and `nas predict` read it."""

import math
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nas.errors import InputError
from nas.resizing import Fit, Images, resize_one, with_channels

# Pillow warns of pictures that `decode` refuses; filters are the process's, and not to be changed in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
_LARGE = "more pixels than are decoded safely"
_DEEP = ("I", "F")  # Pillow's modes of more than 8 bits a channel begin so


class Undecodable(Exception):
    """A stored picture is none; the message is the reason, without the picture's name."""


def read_picture(path: Path, size: tuple[int, int], channels: int, fit: Fit = "crop") -> Images:
    """The picture in a file as (height, width, channels) of 0..255. Raises `Undecodable`."""
    return resize_one(with_channels(decode(path, max(size)), channels), size, fit)


def decode(path: Path, side: int | None) -> Images:
    """The picture in a file, upright, in colour of 8 bits, (H, W, 3).

    Of a JPEG far larger than `side` a smaller version, which is quicker. Raises `Undecodable`.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                raise Undecodable(_LARGE)
            if image.mode.startswith(_DEEP):
                raise Undecodable(f"more than 8 bits a channel, {image.mode}")
            if side:
                image.draft("RGB", (2 * side, 2 * side))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Undecodable(_LARGE) from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        raise Undecodable(getattr(error, "strerror", None) or "no whole picture") from error


def picture_files(paths: Sequence[Path]) -> list[Path]:
    """The files among paths, and the pictures in the folders among them and below, in alphabetical order.

    Raises `InputError` where a path does not exist, or a folder has no pictures.
    """
    return [file for path in paths for file in (_in_folder(path) if path.is_dir() else [_there(path)])]


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
    if not found:
        raise InputError(f"{folder}: holds no pictures; expected some, in files such as .jpg or .png")
    return found


def _there(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: does not exist; expected a picture, or a folder of pictures")
    return path
