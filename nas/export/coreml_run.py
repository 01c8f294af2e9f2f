"""A Core ML package read back and computed by JAX: Apple's own runtime is on Apple's machines alone.

It proves what is in the file, the specification and the weights, by what the operations
are documented to do. It does not prove what Apple's compiler makes of them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.export.coreml import load_coremltools
from nas.export.evaluate import apply
from nas.export.plain import Node
from nas.export.quiet import quiet

_AS_THEY_ARE = {"add": "add", "sub": "sub", "mul": "mul", "real_div": "div", "maximum": "max", "minimum": "min"}
_ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "silu": "swish",
    "sigmoid_hard": "hard-sigmoid",
    "leaky_relu": "leaky-relu",
    "elu": "elu",
    "gelu": "gelu",
}


def run_coreml(package: Path, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (1, classes) of a picture (1, H, W, C) in -1..1, in float32 with the weights as stored.

    Raises `InputError` for an operation that `nas.export.coreml` does not write.
    """
    with quiet():
        tools = load_coremltools()
        from coremltools.converters.mil.frontend.milproto.load import load

        spec = tools.utils.load_spec(str(package))
        weights = package / "Data" / "com.apple.CoreML" / "weights"
        function = load(spec, spec.specificationVersion, str(weights)).functions["main"]
    (given,) = function.inputs
    values: dict[str, Any] = {given: jnp.asarray(picture)}
    for operation in function.operations:
        if operation.op_type != "const":
            values[operation.outputs[0].name] = _compute(operation, values)
    return np.asarray(values[function.outputs[0].name], np.float32)


def _compute(operation: Any, values: Mapping[str, Any]) -> Any:
    """The result of one operation; numbers that it takes are constants of the program."""

    def value(name: str) -> Any:
        variable = operation.inputs.get(name)
        if variable is None:
            return None
        known = variable.val
        return values[variable.name] if known is None else _wide(known)

    kind, shape = operation.op_type, tuple(operation.outputs[0].shape)
    if kind in ("identity", "cast"):
        return value("x")
    if kind == "concat":
        parts = [values[part.name] if part.val is None else _wide(part.val) for part in operation.inputs["values"]]
        return jnp.concatenate(parts, int(value("axis")))
    if kind == "batch_norm":  # what coremltools makes of a scale and a shift of each channel
        return _normalised(value)
    op, inputs, facts = _plain(kind, value)
    return apply(Node(op, (), 0, shape, facts), [each for each in inputs if each is not None])


def _normalised(value: Callable[[str], Any]) -> Any:
    """(N, C, H, W) less the mean, over the root of the variance, times gamma, plus beta; each (C,)."""
    per_channel = {name: value(name) for name in ("mean", "variance", "gamma", "beta")}
    mean, variance, gamma, beta = (None if one is None else one.reshape(1, -1, 1, 1) for one in per_channel.values())
    y = (value("x") - mean) / np.sqrt(variance + value("epsilon"))
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def _wide(known: Any) -> Any:
    return known.astype(np.float32) if isinstance(known, np.ndarray) and known.dtype == np.float16 else known


def _plain(kind: str, value: Callable[[str], Any]) -> tuple[str, list[Any], dict[str, Any]]:
    """A MIL operation as a plain one: its name, inputs and facts."""
    x = value("x")
    if kind in _ACTIVATIONS:
        return _ACTIVATIONS[kind], [x], {}
    if kind in _AS_THEY_ARE:
        return _AS_THEY_ARE[kind], [jnp.asarray(x, jnp.float32), jnp.asarray(value("y"), jnp.float32)], {}
    if kind == "conv":
        facts = {"strides": value("strides"), "dilation": value("dilations"), "groups": int(value("groups"))}
        return "conv", [x, value("weight"), value("bias")], {**facts, "padding": _edges(value)}
    if kind in ("avg_pool", "max_pool"):
        facts = {"window": value("kernel_sizes"), "strides": value("strides"), "padding": _edges(value)}
        return "average_pool" if kind == "avg_pool" else "max_pool", [x], facts
    if kind == "matmul":
        return "dense", [x, value("y")], {}
    if kind == "linear":  # what coremltools makes of a matmul
        return "dense", [x, np.asarray(value("weight")).T, value("bias")], {}
    if kind == "transpose":
        return "transpose", [x], {"axes": tuple(value("perm").tolist())}
    if kind == "slice_by_index":
        return "slice", [x], {"begin": value("begin"), "end": value("end"), "strides": value("stride")}
    if kind == "pad":
        edges = np.reshape(value("pad"), (-1, 2)).tolist()
        return "pad", [x], {"padding": [(0, 0)] * (x.ndim - len(edges)) + edges, "value": float(value("constant_val"))}
    if kind in ("reshape", "squeeze", "expand_dims"):
        return "reshape", [x], {}
    raise InputError(f"Core ML: the package has the operation '{kind}'; expected those that `nas export` writes")


def _edges(value: Callable[[str], Any]) -> list[tuple[int, int]]:
    """Rows and columns, as the packages of this project pad: by numbers or not at all."""
    top, bottom, left, right = (int(edge) for edge in (value("pad") if value("pad") is not None else (0, 0, 0, 0)))
    return [(top, bottom), (left, right)]
