"""A network that is small enough to be scaled often."""

from nas.architecture import Architecture

TEXT = """
input 32x32x3
stem conv k3 s1 c16 act=relu6
stage mbconv k3 s2 e3 c16 act=relu6
stage mbconv k3 s2 e3 c32 act=relu6 x2
head conv k1 c64 act=relu6
head pool
head dense c10
"""
TINY = Architecture.parse(TEXT)
