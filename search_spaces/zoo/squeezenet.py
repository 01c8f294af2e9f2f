"""SqueezeNet 1.0 (arXiv 1602.07360) and 1.1, which pools earlier: a third of the work, as accurate."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

V1_0 = """
input 224x224x3
stem  conv k7 s2 c96 padding=valid norm=bias
stem  max_pool k3 s2 padding=ceil
stage fire squeeze=16 c128 norm=bias x2
stage fire squeeze=32 c256 norm=bias
stage max_pool k3 s2 padding=ceil
stage fire squeeze=32 c256 norm=bias
stage fire squeeze=48 c384 norm=bias x2
stage fire squeeze=64 c512 norm=bias
stage max_pool k3 s2 padding=ceil
stage fire squeeze=64 c512 norm=bias
head  dropout rate=0.5
head  conv k1 c1000 norm=bias
head  pool
head  flatten
"""

V1_1 = """
input 224x224x3
stem  conv k3 s2 c64 padding=valid norm=bias
stem  max_pool k3 s2 padding=ceil
stage fire squeeze=16 c128 norm=bias x2
stage max_pool k3 s2 padding=ceil
stage fire squeeze=32 c256 norm=bias x2
stage max_pool k3 s2 padding=ceil
stage fire squeeze=48 c384 norm=bias x2
stage fire squeeze=64 c512 norm=bias x2
head  dropout rate=0.5
head  conv k1 c1000 norm=bias
head  pool
head  flatten
"""

NETWORKS: dict[str, Callable[[], Architecture]] = {
    "squeezenet-1.0": partial(Architecture.parse, V1_0, "squeezenet-1.0"),
    "squeezenet-1.1": partial(Architecture.parse, V1_1, "squeezenet-1.1"),
}
