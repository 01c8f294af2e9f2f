"""A network's arrays by their stable names, and how those of two networks differ."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

from nas.architecture import Architecture
from nas.blocks.initializers import shapes_only
from nas.network import Network
from nas.trace import Shape

_NAMED = 3  # differences that a message names


def named(tree: Any) -> dict[str, Any]:
    """The leaves of nested dictionaries by dotted names, such as "stage1.block1.norm.scale"."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {".".join(str(key.key) for key in path): leaf for path, leaf in leaves}


def network_arrays(network: Network) -> dict[str, np.ndarray[Any, Any]]:
    """A network's parameters and running statistics by their names."""
    tree = nnx.to_pure_dict(nnx.state(network, (nnx.Param, nnx.BatchStat)))
    return {name: np.asarray(array) for name, array in named(tree).items()}


def shapes_of(architecture: Architecture) -> dict[str, Shape]:
    """The shape of every parameter and statistic by its name; nothing is computed."""
    with shapes_only():
        state = nnx.state(nnx.eval_shape(lambda: Network(architecture, rngs=nnx.Rngs(0))), (nnx.Param, nnx.BatchStat))
    return {name: tuple(leaf.shape) for name, leaf in named(nnx.to_pure_dict(state)).items()}


def difference(theirs: Mapping[str, Shape], mine: Mapping[str, Shape]) -> str:
    """The parameters that differ, counted and the first named; empty where none do."""
    names = [name for name in {**mine, **theirs} if theirs.get(name) != mine.get(name)]
    said = [f"{name} {_said(theirs.get(name))} there, {_said(mine.get(name))} here" for name in names]
    return f"{len(names)} parameters differ: {listed(said)}" if names else ""


def listed(texts: Iterable[str]) -> str:
    """The first few, with commas between."""
    texts = list(texts)
    return "; ".join(texts[:_NAMED]) + ("; ..." if len(texts) > _NAMED else "")


def _said(shape: Shape | None) -> str:
    return "none" if shape is None else "x".join(map(str, shape))
