"""DenseNet-BC (arXiv 1608.06993), the networks for ImageNet."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

# Size: (channels of the stem, growth, layers of the dense blocks).
SIZES = {
    "121": (64, 32, (6, 12, 24, 16)),
    "169": (64, 32, (6, 12, 32, 32)),
    "201": (64, 32, (6, 12, 48, 32)),
    "161": (96, 48, (6, 12, 36, 24)),
}


def densenet(size: str) -> Architecture:
    """DenseNet of `size` layers."""
    stem, growth, repeats = SIZES[size]
    lines = ["input 224x224x3", f"stem conv k7 s2 c{stem} padding=symmetric", "stem max_pool k3 s2 padding=symmetric"]
    for count in repeats:
        lines += [f"stage dense_layer growth={growth} x{count}", "stage transition"]
    lines[-1:] = ["head norm", "head pool", "head dense c1000"]
    return Architecture.parse("\n".join(lines), f"densenet-{size}")


NETWORKS: dict[str, Callable[[], Architecture]] = {f"densenet-{size}": partial(densenet, size) for size in SIZES}
