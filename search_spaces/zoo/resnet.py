"""ResNet (arXiv 1512.03385), V2 (1603.05027), and with squeeze-and-excitation (1709.01507).

The stride of a bottleneck is on its 3x3 convolution, as most implementations have it; the
paper put it on the first 1x1. They pad symmetrically too, which only the stem and V2's blocks
do here: the others pad as TensorFlow does.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

# Size: (block, repeats of the stages, channels of the first stage).
SIZES = {
    "18": ("residual", (2, 2, 2, 2), 64),
    "34": ("residual", (3, 4, 6, 3), 64),
    "50": ("bottleneck", (3, 4, 6, 3), 256),
    "101": ("bottleneck", (3, 4, 23, 3), 256),
    "152": ("bottleneck", (3, 8, 36, 3), 256),
}


def resnet(size: str, options: str = "", *, preactivation: bool = False) -> Architecture:
    """ResNet of `size` layers; `options` go to every block. V2 has pre-activation blocks."""
    block, repeats, channels = SIZES[size]
    block = f"preact_{block}" if preactivation else block
    stages = [
        f"stage {block} s{min(2, index + 1)} c{channels * 2**index} {options} x{count}"
        for index, count in enumerate(repeats)
    ]
    lines = [
        "input 224x224x3",
        "stem conv k7 s2 c64 padding=symmetric" + (" norm=none act=none" if preactivation else ""),
        "stem max_pool k3 s2 padding=symmetric",
        *stages,
        *(["head norm"] if preactivation else []),
        "head pool",
        "head dense c1000",
    ]
    return Architecture.parse("\n".join(lines), f"resnet-{size}")


NETWORKS: dict[str, Callable[[], Architecture]] = {
    **{f"resnet-{size}": partial(resnet, size) for size in SIZES},
    **{f"resnet-{size}-v2": partial(resnet, size, preactivation=True) for size in ("50", "101", "152")},
    "se-resnet-50": partial(resnet, "50", "se0.0625"),
}
