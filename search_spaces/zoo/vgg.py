"""VGG (arXiv 1409.1556): 3x3 convolutions without batch norm, and three large dense layers."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

# Convolutions of the stages; layers with weights are these and the three dense ones.
SIZES = {"11": (1, 1, 2, 2, 2), "13": (2, 2, 2, 2, 2), "16": (2, 2, 3, 3, 3), "19": (2, 2, 4, 4, 4)}


def vgg(size: str) -> Architecture:
    """VGG of `size` layers with weights."""
    lines = ["input 224x224x3"]
    for channels, repeats in zip((64, 128, 256, 512, 512), SIZES[size], strict=True):
        lines += [f"stage conv k3 c{channels} norm=bias x{repeats}", "stage max_pool k2 s2"]
    for _ in range(2):
        lines += ["head dense c4096 act=relu", "head dropout rate=0.5"]
    return Architecture.parse("\n".join([*lines, "head dense c1000"]), f"vgg-{size}")


NETWORKS: dict[str, Callable[[], Architecture]] = {f"vgg-{size}": partial(vgg, size) for size in SIZES}
