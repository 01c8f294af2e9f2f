"""NASNet-A (arXiv 1707.07012), mobile and large, without the auxiliary head."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

MOBILE = """
input 224x224x3
stem  conv k3 s2 c32 act=none padding=valid
stage nasnet_a c44 cells=4
head  pool
head  dropout rate=0.5
head  dense c1000
"""

LARGE = """
input 331x331x3
stem  conv k3 s2 c96 act=none padding=valid
stage nasnet_a c168 cells=6 skip_reduction=1
head  pool
head  dropout rate=0.5
head  dense c1000
"""

NETWORKS: dict[str, Callable[[], Architecture]] = {
    "nasnet-a-mobile": partial(Architecture.parse, MOBILE, "nasnet-a-mobile"),
    "nasnet-a-large": partial(Architecture.parse, LARGE, "nasnet-a-large"),
}
