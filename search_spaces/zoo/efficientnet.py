"""EfficientNet (arXiv 1905.11946) with its lite and EdgeTPU variants, all but the baselines by scaling.

As in the released code, B1 to L2, the lite and the EdgeTPU networks are their baseline and
a row of a table; see `scaling.families`.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture
from scaling import family
from scaling.families import FAMILIES

B0 = """
input 224x224x3
stem  conv k3 s2 c32 act=swish
stage mbconv k3 s1 e1 c16 se0.25 act=swish
stage mbconv k3 s2 e6 c24 se0.25 act=swish x2
stage mbconv k5 s2 e6 c40 se0.25 act=swish x2
stage mbconv k3 s2 e6 c80 se0.25 act=swish x3
stage mbconv k5 s1 e6 c112 se0.25 act=swish x3
stage mbconv k5 s2 e6 c192 se0.25 act=swish x4
stage mbconv k3 s1 e6 c320 se0.25 act=swish
head  conv k1 c1280 act=swish
head  pool
head  dropout rate=0.2
head  dense c1000
"""

# Neither squeeze-and-excitation nor swish, which integer accelerators do badly.
LITE0 = B0.replace(" se0.25", "").replace("act=swish", "act=relu6")

# The first block expands from 24 channels though the stem gives 32, and has no skip however often it repeats.
EDGETPU_S = """
input 224x224x3
stem  conv k3 s2 c32 act=relu
stage fused_mbconv k3 s1 e4 c24 act=relu expand_from=24 skip=0
stage fused_mbconv k3 s2 e8 c32 act=relu x2
stage fused_mbconv k3 s2 e8 c48 act=relu x4
stage mbconv k5 s2 e8 c96 act=relu x5
stage mbconv k5 s1 e8 c144 act=relu x4
stage mbconv k5 s2 e8 c192 act=relu x2
head  conv k1 c1280 act=relu
head  pool
head  dropout rate=0.2
head  dense c1000
"""


def member(text: str, name: str) -> Architecture:
    """The member called `name` of the family whose baseline is `text`."""
    return family(Architecture.parse(text, "efficientnet"), [name])[0].architecture


NETWORKS: dict[str, Callable[[], Architecture]] = {
    f"efficientnet-{name}": partial(member, text, name)
    for table, text in {"efficientnet": B0, "efficientnet-lite": LITE0, "efficientnet-edgetpu": EDGETPU_S}.items()
    for name in FAMILIES[table]
}
