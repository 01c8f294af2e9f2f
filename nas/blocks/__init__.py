"""Flax blocks, one file per family; importing the package registers every one."""

from nas.blocks import conv, head, mbconv, pool, residual, separable
from nas.blocks.registry import KINDS, Block, Options, canonical, register, resolve, takes

__all__ = [
    "KINDS",
    "Block",
    "Options",
    "canonical",
    "conv",
    "head",
    "mbconv",
    "pool",
    "register",
    "residual",
    "resolve",
    "separable",
    "takes",
]
