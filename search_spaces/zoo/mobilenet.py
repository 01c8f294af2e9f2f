"""MobileNet v1 (arXiv 1704.04861) and v2 (1801.04381) at every published width and input size.

"mobilenet-v1" is the full width at 224 pixels, "mobilenet-v1-0.5-160" half the width at 160.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture, Part
from scaling import scale

V1 = """
input 224x224x3
stem  conv k3 s2 c32 act=relu6
stage separable k3 s1 c64 act=relu6
stage separable k3 s2 c128 act=relu6
stage separable k3 s1 c128 act=relu6
stage separable k3 s2 c256 act=relu6
stage separable k3 s1 c256 act=relu6
stage separable k3 s2 c512 act=relu6
stage separable k3 s1 c512 act=relu6 x5
stage separable k3 s2 c1024 act=relu6
stage separable k3 s1 c1024 act=relu6
head  pool
head  dropout rate=0.001
head  dense c1000
"""

V2 = """
input 224x224x3
stem  conv k3 s2 c32 act=relu6
stage mbconv k3 s1 e1 c16 act=relu6
stage mbconv k3 s2 e6 c24 act=relu6 x2
stage mbconv k3 s2 e6 c32 act=relu6 x3
stage mbconv k3 s2 e6 c64 act=relu6 x4
stage mbconv k3 s1 e6 c96 act=relu6 x3
stage mbconv k3 s2 e6 c160 act=relu6 x3
stage mbconv k3 s1 e6 c320 act=relu6
head  conv k1 c1280 act=relu6
head  pool
head  dropout rate=0.2
head  dense c1000
"""

V1_SIZES = dict.fromkeys((0.25, 0.5, 0.75, 1.0), (128, 160, 192, 224))
V2_SIZES = {**dict.fromkeys((0.35, 0.5, 0.75, 1.0), (96, 128, 160, 192, 224)), 1.3: (224,), 1.4: (224,)}


def v1(width: float, resolution: int) -> Architecture:
    """MobileNet v1 with its widths multiplied by `width`."""
    return scale(Architecture.parse(V1, "mobilenet-v1"), width, 1, resolution, divisor=8)


def v2(width: float, resolution: int) -> Architecture:
    """MobileNet v2 with its widths multiplied by `width`; the head is never narrower than 1280."""
    fixed: tuple[Part, ...] = ("head",) if width < 1 else ()
    return scale(Architecture.parse(V2, "mobilenet-v2"), width, 1, resolution, divisor=8, fixed_parts=fixed)


NETWORKS: dict[str, Callable[[], Architecture]] = {
    "mobilenet-v1": partial(v1, 1.0, 224),
    "mobilenet-v2": partial(v2, 1.0, 224),
    **{
        f"mobilenet-{version}-{width}-{resolution}": partial(make, width, resolution)
        for version, make, sizes in (("v1", v1, V1_SIZES), ("v2", v2, V2_SIZES))
        for width, resolutions in sizes.items()
        for resolution in resolutions
    },
}
