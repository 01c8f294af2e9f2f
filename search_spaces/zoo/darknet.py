"""Darknet-19 (arXiv 1612.08242) and Darknet-53 (1804.02767), the backbones of YOLO v2 and v3."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

ACT = "act=leaky-relu"

DARKNET_19 = f"""
input 224x224x3
stem  conv k3 c32 {ACT}
stem  max_pool k2 s2
stage conv k3 c64 {ACT}
stage max_pool k2 s2
stage conv k3 c128 {ACT}
stage conv k1 c64 {ACT}
stage conv k3 c128 {ACT}
stage max_pool k2 s2
stage conv k3 c256 {ACT}
stage conv k1 c128 {ACT}
stage conv k3 c256 {ACT}
stage max_pool k2 s2
stage conv k3 c512 {ACT}
stage conv k1 c256 {ACT}
stage conv k3 c512 {ACT}
stage conv k1 c256 {ACT}
stage conv k3 c512 {ACT}
stage max_pool k2 s2
stage conv k3 c1024 {ACT}
stage conv k1 c512 {ACT}
stage conv k3 c1024 {ACT}
stage conv k1 c512 {ACT}
stage conv k3 c1024 {ACT}
head  conv k1 c1000 act=none norm=bias
head  pool
head  flatten
"""


def darknet_53() -> Architecture:
    """Darknet-53, at the 256 pixels of its published figures."""
    lines = ["input 256x256x3", f"stem conv k3 c32 {ACT}"]
    for channels, repeats in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        lines += [f"stage conv k3 s2 c{channels} {ACT}", f"stage darknet_residual c{channels} x{repeats}"]
    return Architecture.parse("\n".join([*lines, "head pool", "head dense c1000"]), "darknet-53")


NETWORKS: dict[str, Callable[[], Architecture]] = {
    "darknet-19": partial(Architecture.parse, DARKNET_19, "darknet-19"),
    "darknet-53": darknet_53,
}
