"""AmoebaNet-A (arXiv 1802.01548) for mobile devices, without the auxiliary head."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

MOBILE = """
input 224x224x3
stem  conv k3 s2 c32 act=none padding=valid
stage amoebanet_a c50 cells=4
head  pool
head  dropout rate=0.5
head  dense c1000
"""

NETWORKS: dict[str, Callable[[], Architecture]] = {
    "amoebanet-a-mobile": partial(Architecture.parse, MOBILE, "amoebanet-a-mobile"),
}
