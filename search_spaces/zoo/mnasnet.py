"""MnasNet (arXiv 1807.11626): found by search for latency on a phone; A1 with squeeze-and-excitation."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

A1 = """
input 224x224x3
stem  conv k3 s2 c32 act=relu
stage mbconv k3 s1 e1 c16 act=relu skip=0
stage mbconv k3 s2 e6 c24 act=relu x2
stage mbconv k5 s2 e3 c40 se0.25 act=relu x3
stage mbconv k3 s2 e6 c80 act=relu x4
stage mbconv k3 s1 e6 c112 se0.25 act=relu x2
stage mbconv k5 s2 e6 c160 se0.25 act=relu x3
stage mbconv k3 s1 e6 c320 act=relu
head  conv k1 c1280 act=relu
head  pool
head  dropout rate=0.2
head  dense c1000
"""

B1 = """
input 224x224x3
stem  conv k3 s2 c32 act=relu
stage mbconv k3 s1 e1 c16 act=relu skip=0
stage mbconv k3 s2 e3 c24 act=relu x3
stage mbconv k5 s2 e3 c40 act=relu x3
stage mbconv k5 s2 e6 c80 act=relu x3
stage mbconv k3 s1 e6 c96 act=relu x2
stage mbconv k5 s2 e6 c192 act=relu x4
stage mbconv k3 s1 e6 c320 act=relu skip=0
head  conv k1 c1280 act=relu
head  pool
head  dropout rate=0.2
head  dense c1000
"""

NETWORKS: dict[str, Callable[[], Architecture]] = {
    "mnasnet-a1": partial(Architecture.parse, A1, "mnasnet-a1"),
    "mnasnet-b1": partial(Architecture.parse, B1, "mnasnet-b1"),
}
