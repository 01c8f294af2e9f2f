"""The layers of Keras models, found in their graph of tensors.

Keras itself is not imported: a model that exists has brought it.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from nas.errors import InputError
from search_spaces.keras_weights.graph import Node, Weighted, in_order

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense")
BATCH_NORM = "BatchNormalization"
PREPROCESSING = ("Normalization", "Rescaling")  # their numbers are no weights


@dataclass(frozen=True, eq=False)
class KerasLayer(Weighted):
    """`arrays` are kernel and, where there is one, bias; or those of `nas.blocks.layers.BatchNorm`."""

    arrays: dict[str, np.ndarray] = field(kw_only=True)
    epsilon: float = field(default=0, kw_only=True)  # of a batch norm


def keras_layers(model: Any, where: str) -> list[KerasLayer]:
    """Convolutions, dense layers (as 1x1 convolutions) and batch norms of a functional `model`, as `in_order` does.

    A bias that only a batch norm reads is taken into its mean, where it has the same effect.
    Raises `InputError`, beginning with `where`, for weights in any other kind of layer.
    """
    operations = [operation for operation in model.operations if type(operation).__name__ != "InputLayer"]
    biases = _biases_before_norms(operations)
    graph: dict[Hashable, Node[KerasLayer]] = {}
    for operation in operations:
        kind, inputs = type(operation).__name__, _inputs(operation)
        layers: tuple[KerasLayer, ...] = ()
        if kind in CONVOLUTIONS:
            layers = _convolutions(operation, has_bias=id(operation.output) not in biases)
        elif kind == BATCH_NORM:
            layers = (_batch_norm(operation, biases.get(inputs[0])),)
        elif kind not in PREPROCESSING and getattr(operation, "weights", None):
            known = ", ".join((*CONVOLUTIONS, BATCH_NORM))
            raise InputError(f"{where}: there are weights in {operation.name}, a {kind}; expected only {known}")
        graph[id(operation.output)] = Node(inputs, layers)
    return in_order(graph, id(model.outputs[0]))


def _inputs(operation: Any) -> tuple[int, ...]:
    """Keys of the tensors that an operation reads."""
    return tuple(id(tensor) for tensor in jax.tree.leaves(operation.input))


def _biases_before_norms(operations: list[Any]) -> dict[int, np.ndarray]:
    """The biases of convolutions that a batch norm follows at once and nothing else reads, by the convolution's key."""
    readers = Counter(key for operation in operations for key in _inputs(operation))
    read_by_norm = {_inputs(operation)[0] for operation in operations if type(operation).__name__ == BATCH_NORM}
    return {
        key: np.asarray(operation.bias)
        for operation in operations
        if type(operation).__name__ in CONVOLUTIONS and operation.bias is not None
        if (key := id(operation.output)) in read_by_norm and readers[key] == 1
        if operation.activation.__name__ == "linear"
    }


def _convolutions(operation: Any, *, has_bias: bool) -> tuple[KerasLayer, ...]:
    """One layer, or of a separable convolution its depthwise and its 1x1."""
    kind, out_shape = type(operation).__name__, _out_shape(operation)
    bias = {"bias": np.asarray(operation.bias)} if has_bias and operation.bias is not None else {}
    if kind == "SeparableConv2D":
        depthwise = _depthwise(operation.depthwise_kernel)
        pointwise = np.asarray(operation.pointwise_kernel)
        inner_shape = (*out_shape[:2], depthwise.shape[-1])
        return (
            _convolution(operation.name, depthwise, inner_shape, {}),
            _convolution(operation.name, pointwise, out_shape, bias),
        )
    kernel = _depthwise(operation.kernel) if kind == "DepthwiseConv2D" else np.asarray(operation.kernel)
    return (_convolution(operation.name, kernel.reshape(*(1, 1, *kernel.shape)[-4:]), out_shape, bias),)


def _depthwise(kernel: Any) -> np.ndarray:
    """A kernel of (height, width, channels, 1) as (height, width, 1, channels)."""
    array = np.asarray(kernel)
    return array.reshape(*array.shape[:2], 1, -1)


def _out_shape(operation: Any) -> tuple[int | None, ...]:
    """What the layer makes, (height, width, channels); (1, 1, channels) of a dense layer."""
    return (1, 1, *operation.output.shape[1:])[-3:]


def _convolution(name: str, kernel: np.ndarray, out_shape: tuple[Any, ...], bias: dict[str, np.ndarray]) -> KerasLayer:
    return KerasLayer(name, "convolution", kernel.shape, out_shape, bool(bias), arrays={"kernel": kernel, **bias})


def _batch_norm(operation: Any, bias_before: np.ndarray | None) -> KerasLayer:
    mean, var = np.asarray(operation.moving_mean), np.asarray(operation.moving_variance)
    scale = np.ones_like(mean) if operation.gamma is None else np.asarray(operation.gamma)
    bias = np.zeros_like(mean) if operation.beta is None else np.asarray(operation.beta)
    arrays = {"scale": scale, "bias": bias, "mean": mean - (0 if bias_before is None else bias_before), "var": var}
    return KerasLayer(
        operation.name, "batch norm", mean.shape, _out_shape(operation), arrays=arrays, epsilon=operation.epsilon
    )
