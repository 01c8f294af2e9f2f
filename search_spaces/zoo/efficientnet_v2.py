"""EfficientNetV2 (arXiv 2104.00298): fused blocks first, squeeze-and-excitation later.

Input sizes are those of the published accuracies (evaluation); training used smaller
pictures. S to XL are tables of their own, B0 to B3 a baseline and its scalings, whose
released rounding lets a width fall below 90 %.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture
from scaling.families import FAMILIES
from search_spaces.zoo.efficientnet import member

B0 = """
input 224x224x3
stem  conv k3 s2 c32 act=swish
stage fused_mbconv k3 s1 e1 c16 act=swish
stage fused_mbconv k3 s2 e4 c32 act=swish x2
stage fused_mbconv k3 s2 e4 c48 act=swish x2
stage mbconv k3 s2 e4 c96 se0.25 act=swish x3
stage mbconv k3 s1 e6 c112 se0.25 act=swish x5
stage mbconv k3 s2 e6 c192 se0.25 act=swish x8
head  conv k1 c1280 act=swish
head  pool
head  dropout rate=0.2
head  dense c1000
"""

# Size: (resolution, dropout, channels of the stem, (channels, repeats) of every stage).
SIZES = {
    "s": (384, 0.2, 24, ((24, 2), (48, 4), (64, 4), (128, 6), (160, 9), (256, 15))),
    "m": (480, 0.3, 24, ((24, 3), (48, 5), (80, 5), (160, 7), (176, 14), (304, 18), (512, 5))),
    "l": (480, 0.4, 32, ((32, 4), (64, 7), (96, 7), (192, 10), (224, 19), (384, 25), (640, 7))),
    "xl": (512, 0.4, 32, ((32, 4), (64, 8), (96, 8), (192, 16), (256, 24), (512, 32), (640, 8))),
}
STAGES = (
    "fused_mbconv k3 s1 e1",
    "fused_mbconv k3 s2 e4",
    "fused_mbconv k3 s2 e4",
    "mbconv k3 s2 e4 se0.25",
    "mbconv k3 s1 e6 se0.25",
    "mbconv k3 s2 e6 se0.25",
    "mbconv k3 s1 e6 se0.25",
)


def sized(size: str) -> Architecture:
    """EfficientNetV2-S, -M, -L or -XL."""
    resolution, dropout, stem, widths = SIZES[size]
    stages = [
        f"stage {block} c{channels} act=swish x{repeats}"
        for block, (channels, repeats) in zip(STAGES, widths, strict=False)
    ]
    lines = [
        f"input {resolution}x{resolution}x3",
        f"stem conv k3 s2 c{stem} act=swish",
        *stages,
        "head conv k1 c1280 act=swish",
        "head pool",
        f"head dropout rate={dropout}",
        "head dense c1000",
    ]
    return Architecture.parse("\n".join(lines), f"efficientnet-v2-{size}")


NETWORKS: dict[str, Callable[[], Architecture]] = {
    **{f"efficientnet-{name}": partial(member, B0, name) for name in FAMILIES["efficientnet-v2"]},
    **{f"efficientnet-v2-{size}": partial(sized, size) for size in SIZES},
}
