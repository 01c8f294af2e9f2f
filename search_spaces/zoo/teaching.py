"""The small networks that courses begin with, for MNIST and CIFAR-10."""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

PERCEPTRON = """
input 28x28x1
head  dense c512 act=relu
head  dropout rate=0.2
head  dense c512 act=relu
head  dropout rate=0.2
head  dense c10
"""

# Two convolutions.
MNIST = """
input 28x28x1
stage conv k3 c32 padding=valid norm=bias
stage conv k3 c64 padding=valid norm=bias
stage max_pool k2 s2
stage dropout rate=0.25
head  dense c128 act=relu
head  dropout rate=0.5
head  dense c10
"""

# Four convolutions.
CIFAR10 = """
input 32x32x3
stage conv k3 c32 norm=bias
stage conv k3 c32 padding=valid norm=bias
stage max_pool k2 s2
stage dropout rate=0.25
stage conv k3 c64 norm=bias
stage conv k3 c64 padding=valid norm=bias
stage max_pool k2 s2 padding=valid
stage dropout rate=0.25
head  dense c512 act=relu
head  dropout rate=0.5
head  dense c10
"""

NETWORKS: dict[str, Callable[[], Architecture]] = {
    name: partial(Architecture.parse, text, name)
    for name, text in {"mnist-perceptron": PERCEPTRON, "mnist-conv": MNIST, "cifar10-conv": CIFAR10}.items()
}
