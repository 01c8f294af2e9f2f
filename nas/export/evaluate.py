"""Plain operations as a JAX function: to prove them, and for formats that take JAX functions."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nas.export.plain import Node, Plain

_LAYOUT = ("NCHW", "OIHW", "NCHW")
_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": lambda x: jnp.maximum(x, 0),
    "relu6": lambda x: jnp.clip(x, 0, 6),
    "sigmoid": lax.logistic,
    "swish": lambda x: x * lax.logistic(x),
    "hard-sigmoid": lambda x: jnp.clip(x / 6 + 0.5, 0, 1),
    "hard-swish": lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1),
    "tanh": jnp.tanh,
    "leaky-relu": lambda x: jnp.where(x >= 0, x, 0.1 * x),
    "elu": lambda x: jnp.where(x >= 0, x, jnp.expm1(jnp.minimum(x, 0))),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
}
_ELEMENTWISE: dict[str, Callable[[Any, Any], Any]] = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "div": jnp.divide,
    "max": jnp.maximum,
    "min": jnp.minimum,
}


def evaluate(network: Plain, picture: jax.Array) -> jax.Array:
    """Logits (1, classes) of a picture (1, C, H, W) in -1..1."""
    tensors: dict[int, Any] = {0: picture}
    for node in network.nodes:
        values = [tensors[value] if isinstance(value, int) else value for value in node.inputs]
        tensors[node.output] = apply(node, values)
    logits: jax.Array = tensors[network.output]
    return logits


def apply(node: Node, values: list[Any]) -> Any:
    """The result of one operation, of the values of its inputs."""
    facts: Mapping[str, Any] = node.facts
    x = values[0]
    if node.op in _ACTIVATIONS:
        return _ACTIVATIONS[node.op](x)
    if node.op in _ELEMENTWISE:
        # Constants of any rank: none of them is promoted without being said.
        rank = len(node.shape)
        return _ELEMENTWISE[node.op](*(_of_rank(value, rank) for value in values))
    if node.op == "conv":
        return _convolution(node, values)
    if node.op in ("average_pool", "max_pool"):
        return _pool(node, x)
    if node.op == "dense":
        return x @ values[1] + (values[2] if len(values) > 2 else 0)
    if node.op == "concat":
        return jnp.concatenate(values, facts["axis"])
    if node.op == "slice":
        return lax.slice(x, facts["begin"], facts["end"], facts["strides"])
    if node.op == "pad":
        return jnp.pad(x, facts["padding"], constant_values=facts["value"])
    if node.op == "transpose":
        return jnp.transpose(x, facts["axes"])
    return x.reshape(node.shape)


def _of_rank(value: Any, rank: int) -> Any:
    return value if value.ndim == rank else np.asarray(value).reshape((1,) * (rank - value.ndim) + value.shape)


def _convolution(node: Node, values: list[Any]) -> jax.Array:
    facts = node.facts
    y: jax.Array = lax.conv_general_dilated(
        values[0],
        values[1],
        facts["strides"],
        facts["padding"],
        rhs_dilation=facts["dilation"],
        dimension_numbers=_LAYOUT,
        feature_group_count=facts["groups"],
    )
    return jnp.add(y, values[2].reshape(1, -1, 1, 1)) if len(values) > 2 else y


def _pool(node: Node, x: Any) -> jax.Array:
    facts = node.facts
    window, strides = (1, 1, *facts["window"]), (1, 1, *facts["strides"])
    padding = ((0, 0), (0, 0), *facts["padding"])
    if node.op == "max_pool":
        largest: jax.Array = lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)
        return largest
    total: jax.Array = lax.reduce_window(x, 0.0, lax.add, window, strides, padding)
    return jnp.divide(total, facts["window"][0] * facts["window"][1])
