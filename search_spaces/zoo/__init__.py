"""The zoo: published networks by name, each exact to the last parameter.

    zoo("efficientnet-b0")
    zoo("mobilenet-v1-0.5-160")

Every network is at its published input size and 1000 classes; the teaching networks, for
MNIST and CIFAR-10, at 10.
"""

from collections.abc import Callable
from functools import lru_cache

from nas.architecture import Architecture
from nas.errors import InputError, unknown
from search_spaces.zoo import (
    amoebanet,
    darknet,
    densenet,
    efficientnet,
    efficientnet_v2,
    inception,
    mnasnet,
    mobilenet,
    mobilenet_edgetpu,
    mobilenet_v3,
    nasnet,
    resnet,
    shufflenet,
    squeezenet,
    teaching,
    vgg,
)

__all__ = ["zoo", "zoo_names"]

_FAMILIES = (
    efficientnet,
    efficientnet_v2,
    mnasnet,
    mobilenet,
    mobilenet_edgetpu,
    mobilenet_v3,
    nasnet,
    amoebanet,
    shufflenet,
    squeezenet,
    resnet,
    densenet,
    inception,
    vgg,
    darknet,
    teaching,
)
_NETWORKS: dict[str, Callable[[], Architecture]] = {
    name: make for family in _FAMILIES for name, make in family.NETWORKS.items()
}


def zoo_names() -> tuple[str, ...]:
    """The names of all published networks, family by family, small to large."""
    return tuple(_NETWORKS)


@lru_cache(maxsize=1024)
def zoo(name: str) -> Architecture:
    """The published network called `name`.

    Raises `InputError` with the nearest known name for one that is not in the zoo.
    """
    if name not in _NETWORKS:
        raise InputError(f"zoo: {unknown('network', name, _NETWORKS)}")
    return _NETWORKS[name]()
