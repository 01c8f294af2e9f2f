"""What an int8 file computes, operation by operation, in the whole numbers that its tensors hold.

float32 holds whole numbers up to 2**24 exactly, more than the sums of convolutions come
to; they are then multiplied by one factor and rounded once, as LiteRT's kernels
(XNNPACK's) do it. So what is computed here is what the file computes to the last step.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.convolution import convolve
from nas.rounding.grid import LEAST, MOST, Step
from nas.rounding.straight import away_from_zero, cut, divided, whole, whole_constant, whole_weights

Take = Callable[[str, tuple[int, ...]], Step]
"""The step of the next operation, given its kind and the shape (H, W, C) of what it makes."""
_SIGNS = {"add": 1, "sub": -1}
_FUSING = ("conv", "mul", *_SIGNS)  # which take a clipping activation in
_ADDING = 20  # bits of the larger factor of a sum


@dataclass(frozen=True)
class Tensor:
    """Whole numbers of steps from zero (B, H, W, C), as float32, and how much a step is."""

    value: jax.Array
    step: Step

    @property
    def real(self) -> jax.Array:
        """What they stand for."""
        return self.value * np.float32(self.step.scale)


@dataclass
class Pending:
    """An operation that may still take in what follows; `tensor` is what it made, once that is asked for.

    A convolution has a `kernel` and perhaps a `bias`, per output channel, and when it has
    been computed the `numbers` of both; a sum of windows is not yet divided (`op` is "sum").
    """

    op: str
    shape: tuple[int, ...]  # of what it makes, without the batch
    inputs: tuple[Any, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    kernel: jax.Array | None = None
    bias: jax.Array | None = None
    activation: str = ""
    tensor: Tensor | None = None
    numbers: tuple[jax.Array, jax.Array] | None = None

    @property
    def clips(self) -> bool:
        """Whether a clipping activation behind it becomes a part of it."""
        return self.tensor is None and self.op in _FUSING and not self.activation

    def absorbs(self, op: str, constant: jax.Array) -> bool:
        """Takes a product ("mul") or a sum ("add") with a constant into its own numbers; false where it cannot."""
        if self.tensor is not None or self.activation:
            return False
        if self.op == "sum" and op == "mul":
            self.op, self.facts = "pool", {**self.facts, "counted": constant}
            return True
        if self.kernel is None or constant.size not in (1, self.kernel.shape[-1]):
            return False
        values = constant.reshape(-1)
        if op == "mul":
            self.kernel = self.kernel * values.reshape(1, 1, 1, -1)
            self.bias = None if self.bias is None else self.bias * values
        else:
            self.bias = jnp.broadcast_to(values, self.kernel.shape[-1:]) + (0 if self.bias is None else self.bias)
        return True

    def ends(self, step: Step) -> tuple[int, int]:
        """The least and the largest number of steps from zero that it can make."""
        low, high = LEAST - step.zero, MOST - step.zero
        if self.activation in ("relu", "relu6"):
            low = max(low, 0)
        if self.activation == "relu6":
            high = min(high, round(6 / step.scale))
        return low, high


def made(pending: Pending, take: Take) -> Tensor:
    """What an operation makes, on the step that it takes."""
    step = take(pending.op, pending.shape)
    return Tensor(cut(_COMPUTES.get(pending.op, _activated)(pending, step), *pending.ends(step)), step)


def _convolved(conv: Pending, step: Step) -> jax.Array:
    facts, tensor, kernel = conv.facts, conv.inputs[0], conv.kernel
    weights, scale = whole_weights(kernel)  # type: ignore[arg-type]
    read = np.float32(tensor.step.scale)
    bias = jnp.zeros_like(scale) if conv.bias is None else whole(conv.bias / (scale * read))
    conv.numbers = weights, bias
    padding = tuple((int(low), int(high)) for low, high in facts["padding"])
    rows, columns = (int(stride) for stride in facts["window_strides"])
    stride = rows if rows == columns else (rows, columns)
    groups = int(facts["feature_group_count"])
    total = convolve(tensor.value, weights, padding, stride, int(facts["rhs_dilation"][0]), groups)  # type: ignore[arg-type]
    factor = divided(read * scale, step.scale)
    return (total + bias.reshape(1, 1, 1, -1)) * factor.reshape(1, 1, 1, -1)


def _pooled(pool: Pending, step: Step) -> jax.Array:
    """The mean of the numbers themselves, not of steps from zero: where it ends in a half is seldom chance."""
    tensor: Tensor = pool.inputs[0]
    facts = pool.facts
    windows = (facts["window_dimensions"], facts["window_strides"], facts["padding"])
    total = jax.lax.reduce_window(tensor.value, 0.0, jax.lax.add, *windows)
    mean: jax.Array = total * facts["counted"]
    if step != tensor.step:
        return mean * (tensor.step.scale / step.scale)
    return away_from_zero(mean + step.zero) - step.zero


def _joined(concat: Pending, step: Step) -> jax.Array:
    parts = [tensor.value * (tensor.step.scale / step.scale) for tensor in concat.inputs]
    return jnp.concatenate(parts, concat.facts["axis"])


def _added(add: Pending, step: Step) -> jax.Array:
    """A sum with factors of so many bits as XNNPACK's have."""
    (first, one), (second, other) = (_operand(value) for value in add.inputs)
    factors = divided(jnp.stack([one, other]), step.scale)
    bits = _ADDING - jnp.floor(jnp.log2(factors.max()))
    kept = jnp.round(factors * 2**bits) / 2**bits
    first, second = _alike(first, second)
    return first * kept[0] + second * (kept[1] * _SIGNS[add.op])


def _multiplied(product: Pending, step: Step) -> jax.Array:
    (first, one), (second, other) = (_operand(value) for value in product.inputs)
    first, second = _alike(first, second)
    return first * second * divided(one * other, step.scale)


def _activated(pending: Pending, step: Step) -> jax.Array:
    return ACTIVATIONS[pending.op](pending.inputs[0].real) / np.float32(step.scale)


def _operand(value: Any) -> tuple[jax.Array, jax.Array]:
    """Numbers of steps and how much one is, of a tensor or a constant."""
    if isinstance(value, Tensor):
        return value.value, jnp.float32(value.step.scale)
    return whole_constant(value)


def _alike(first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    shape = jnp.broadcast_shapes(first.shape, second.shape)
    return jnp.broadcast_to(first, shape), jnp.broadcast_to(second, shape)


_COMPUTES: dict[str, Callable[[Pending, Step], jax.Array]] = {
    "conv": _convolved,
    "pool": _pooled,
    "concat": _joined,
    "add": _added,
    "sub": _added,
    "mul": _multiplied,
}
