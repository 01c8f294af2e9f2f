"""MobileNet v3 (arXiv 1905.02244), large and small, with and without what accelerators do badly.

Squeeze-and-excitation is of the expanded channels, a quarter of them rounded to a multiple
of 8, with a hard gate. The "minimalistic" variants have none, no hard-swish and no 5x5.
"""

import re
from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

_SE = "se0.25 se_of=expanded se_divisor=8 se_gate=hard-sigmoid se_activation=relu"

LARGE = f"""
input 224x224x3
stem  conv k3 s2 c16 act=hard-swish
stage mbconv k3 s1 e1 c16 act=relu
stage mbconv k3 s2 e4 c24 act=relu
stage mbconv k3 s1 e3 c24 act=relu
stage mbconv k5 s2 e3 c40 act=relu {_SE}
stage mbconv k5 s1 e3 c40 act=relu {_SE} x2
stage mbconv k3 s2 e6 c80 act=hard-swish
stage mbconv k3 s1 e2.5 c80 act=hard-swish
stage mbconv k3 s1 e2.3 c80 act=hard-swish x2
stage mbconv k3 s1 e6 c112 act=hard-swish {_SE} x2
stage mbconv k5 s2 e6 c160 act=hard-swish {_SE}
stage mbconv k5 s1 e6 c160 act=hard-swish {_SE} x2
head  conv k1 c960 act=hard-swish
head  pool
head  dense c1280 act=hard-swish
head  dropout rate=0.2
head  dense c1000
"""

SMALL = f"""
input 224x224x3
stem  conv k3 s2 c16 act=hard-swish
stage mbconv k3 s2 e1 c16 act=relu {_SE}
stage mbconv k3 s2 e4.5 c24 act=relu
stage mbconv k3 s1 e3.667 c24 act=relu
stage mbconv k5 s2 e4 c40 act=hard-swish {_SE}
stage mbconv k5 s1 e6 c40 act=hard-swish {_SE} x2
stage mbconv k5 s1 e3 c48 act=hard-swish {_SE} x2
stage mbconv k5 s2 e6 c96 act=hard-swish {_SE}
stage mbconv k5 s1 e6 c96 act=hard-swish {_SE} x2
head  conv k1 c576 act=hard-swish
head  pool
head  dense c1024 act=hard-swish
head  dropout rate=0.2
head  dense c1000
"""


def minimalistic(text: str) -> str:
    """The network without squeeze-and-excitation, hard-swish and 5x5 kernels."""
    return re.sub(r" se\w*=?[\w.-]*", "", text.replace("hard-swish", "relu").replace("k5", "k3"))


NETWORKS: dict[str, Callable[[], Architecture]] = {
    name: partial(Architecture.parse, text, name)
    for name, text in {
        "mobilenet-v3-small": SMALL,
        "mobilenet-v3-large": LARGE,
        "mobilenet-v3-small-minimalistic": minimalistic(SMALL),
        "mobilenet-v3-large-minimalistic": minimalistic(LARGE),
    }.items()
}
