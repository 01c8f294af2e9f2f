"""Inception v1 (GoogLeNet, arXiv 1409.4842) and v3 (1512.00567), without their auxiliary heads.

v1 has biases and no batch norm, as published, but not the local response normalisation
of its stem; there are no parameters in that.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection of each module; None: a max pool between.
V1_MODULES = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
V1_WIDTHS = ("one", "three_reduce", "three", "five_reduce", "five", "pool")

V3 = """
input 299x299x3
stem  conv k3 s2 c32 padding=valid
stem  conv k3 c32 padding=valid
stem  conv k3 c64
stem  max_pool k3 s2 padding=valid
stem  conv k1 c80
stem  conv k3 c192 padding=valid
stem  max_pool k3 s2 padding=valid
stage inception_35 pool=32
stage inception_35 pool=64 x2
stage reduction_35
stage inception_17 inner=128
stage inception_17 inner=160 x2
stage inception_17 inner=192
stage reduction_17
stage inception_8 x2
head  pool
head  dropout rate=0.2
head  dense c1000
"""


def v1() -> Architecture:
    """GoogLeNet."""
    lines = [
        "input 224x224x3",
        "stem conv k7 s2 c64 norm=bias",
        "stem max_pool k3 s2",
        "stem conv k1 c64 norm=bias",
        "stem conv k3 c192 norm=bias",
        "stem max_pool k3 s2",
    ]
    for module in V1_MODULES:
        widths = "" if module is None else " ".join(f"{n}={w}" for n, w in zip(V1_WIDTHS, module, strict=True))
        lines.append(f"stage inception {widths} norm=bias" if widths else "stage max_pool k3 s2")
    return Architecture.parse(
        "\n".join([*lines, "head pool", "head dropout rate=0.4", "head dense c1000"]), "inception-v1"
    )


NETWORKS: dict[str, Callable[[], Architecture]] = {
    "inception-v1": v1,
    "inception-v3": partial(Architecture.parse, V3, "inception-v3"),
}
