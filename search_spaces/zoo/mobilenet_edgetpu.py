"""MobileNetEdgeTPU v1 and v2, from TensorFlow's model garden: searched for the Edge TPU of Pixel phones.

Full convolutions early, where depthwise ones would leave the chip's multipliers idle; v2
also has convolutions in groups of 64 or 128 channels, half-way between the two.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture
from scaling import scale

V1 = """
input 224x224x3
stem  conv k3 s2 c32
stage conv k1 c16 act=none
stage fused_mbconv k3 s2 e8 c32 act=relu
stage fused_mbconv k3 e4 c32 act=relu x3
stage fused_mbconv k3 s2 e8 c48 act=relu
stage fused_mbconv k3 e4 c48 act=relu x3
stage mbconv k3 s2 e8 c96 act=relu
stage mbconv k3 e4 c96 act=relu x3
stage mbconv k3 e8 c96 act=relu skip=0
stage mbconv k3 e4 c96 act=relu x3
stage mbconv k5 s2 e8 c160 act=relu
stage mbconv k5 e4 c160 act=relu x3
stage mbconv k3 e8 c192 act=relu
head  conv k1 c1280
head  pool
head  dropout rate=0.2
head  dense c1000
"""
V1_WIDTHS = (0.75, 1.0, 1.25, 1.5, 1.75)

# Size: (stem's kernel and channels, group size, channels of the stages, channels of the head).
V2_SIZES = {
    "tiny": (5, 32, 64, (16, 32, 48, 80, 112, 160, 192), 1280),
    "xs": (5, 32, 64, (16, 32, 48, 96, 144, 160, 192), 1280),
    "s": (5, 64, 64, (24, 48, 64, 128, 160, 192, 256), 1280),
    "m": (5, 64, 64, (32, 64, 80, 160, 192, 240, 320), 1344),
    "l": (7, 64, 128, (32, 64, 96, 192, 240, 256, 384), 1408),
}


def v1(width: float) -> Architecture:
    """MobileNetEdgeTPU v1 with its widths multiplied by `width`; the head is never narrower than 1280."""
    return scale(Architecture.parse(V1, "mobilenet-edgetpu"), width, fixed_parts=("head",) if width < 1 else ())


def v2(size: str) -> Architecture:
    """MobileNetEdgeTPU v2; the tiny one has groups where the others have full convolutions."""
    kernel, stem, group, (first, *widths, last), head = V2_SIZES[size]
    grouped = f"group_size={group}"
    full = grouped if size == "tiny" else ""
    two, three, four, five, six = widths
    text = f"""
        input 224x224x3
        stem  conv k{kernel} s2 c{stem}
        stage conv k1 c{first} act=none
        stage fused_mbconv k3 s2 e8 c{two} act=relu
        stage fused_mbconv k3 e4 c{two} act=relu {grouped}
        stage fused_mbconv k3 s2 e8 c{three} act=relu {full}
        stage fused_mbconv k3 e4 c{three} act=relu {grouped}
        stage fused_mbconv k3 e4 c{three} act=relu {full}
        stage fused_mbconv k3 e4 c{three} act=relu {grouped}
        stage fused_mbconv k3 s2 e8 c{four} act=relu {full}
        stage mbconv k3 e4 c{four} act=relu x3
        stage mbconv k3 e8 c{five} act=relu
        stage mbconv k3 e4 c{five} act=relu x3
        stage mbconv k3 s2 e8 c{six} act=relu
        stage mbconv k3 e4 c{six} act=relu x3
        stage mbconv k3 e8 c{last} act=relu
        head  conv k1 c{head}
        head  pool
        head  dropout rate=0.2
        head  dense c1000
    """
    return Architecture.parse(text, f"mobilenet-edgetpu-v2-{size}")


NETWORKS: dict[str, Callable[[], Architecture]] = {
    "mobilenet-edgetpu": partial(v1, 1.0),
    **{f"mobilenet-edgetpu-{width}": partial(v1, width) for width in V1_WIDTHS},
    **{f"mobilenet-edgetpu-v2-{size}": partial(v2, size) for size in V2_SIZES},
}
