"""A network as JAX sees it, its weights checked: what every exported file is made from."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr
from numpy.typing import NDArray

from nas.blocks.convolution import library_convolutions, mappable_operations
from nas.errors import InputError

Forward = Callable[[jax.Array], jax.Array]
InputShape = tuple[int, ...]  # (1, height, width, channels)


def trace_forward(forward: Forward, input_shape: InputShape, *, mappable: bool) -> ClosedJaxpr:
    """The function as JAX sees it; `mappable` where there is a choice, in operations that the Edge TPU maps.

    Raises `InputError` for another batch than 1, an output that is no logits, and weights that are not finite.
    """
    if len(input_shape) != 4 or input_shape[0] != 1 or min(input_shape) < 1:
        raise InputError(f"export: input shape is {input_shape}; expected (1, height, width, channels)")

    # A new function every time: JAX remembers the trace of one that it has seen, with the
    # weights of then, and `forward` may be a network that has been trained since.
    def network(image: jax.Array) -> jax.Array:
        return forward(image)

    form: AbstractContextManager[None] = mappable_operations() if mappable else library_convolutions()
    with form:
        closed = jax.make_jaxpr(network)(np.zeros(input_shape, np.float32))
    shapes = [(value.shape, value.dtype) for value in closed.out_avals]
    if len(shapes) != 1 or len(shapes[0][0]) != 2 or shapes[0][0][0] != 1 or shapes[0][1] != np.float32:
        found = ", ".join(f"{dtype}{list(shape)}" for shape, dtype in shapes)
        raise InputError(f"export: the network gives {found}; expected float32 logits of shape [1, classes]")
    for array in _constants(closed.jaxpr, closed.consts):
        _check_finite(array)
    return closed


def _constants(jaxpr: Any, constants: Iterable[Any]) -> Iterator[NDArray[Any]]:
    """Every constant array of a trace, those of the functions that it calls included."""
    yield from (np.asarray(constant) for constant in constants)
    for equation in jaxpr.eqns:
        literals = (value.val for value in equation.invars if hasattr(value, "val"))
        yield from (np.asarray(value) for value in literals if np.ndim(value))
        for parameter in equation.params.values():
            if isinstance(parameter, ClosedJaxpr):
                yield from _constants(parameter.jaxpr, parameter.consts)


def _check_finite(array: NDArray[Any]) -> None:
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            f"export: {count} of {array.size} weights in an array of shape {list(array.shape)} are NaN or infinite; "
            "expected finite weights, as of a training that did not diverge"
        )
