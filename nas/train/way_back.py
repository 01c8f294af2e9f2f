"""What the forward program of a block leaves for the backward one, as plain arrays.

JAX's own form of it holds the traced gradient. As arrays with the shapes that they follow from,
both programs can be had from disk without tracing either.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


@jax.tree_util.register_pytree_node_class
class Left:
    """Arrays that a forward program leaves, of which `shapes`, those of its arguments, say the meaning."""

    def __init__(self, arrays: tuple[Any, ...], shapes: Any):
        self.arrays, self.shapes = arrays, shapes

    def tree_flatten(self) -> tuple[tuple[Any, ...], Any]:
        """As JAX asks for it."""
        return self.arrays, self.shapes

    @classmethod
    def tree_unflatten(cls, shapes: Any, arrays: Any) -> "Left":
        """As JAX asks for it."""
        return cls(tuple(arrays), shapes)


class WayBack:
    """A forward program whose third result leads back, and the backward one that takes it, with arrays between them."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any]):
        self._forward, self._backward = forward, backward
        self._meant: dict[Any, Any] = {}  # what the arrays are, by the shapes of the forward program's arguments

    def forward(self, *arguments: Any) -> Any:
        """The forward program, with `Left` for its third result."""
        y, new, back = self._forward(*arguments)
        shapes = tuple(None if a is None else (tuple(a.shape), jnp.dtype(a.dtype).name) for a in arguments)
        arrays, self._meant[shapes] = jax.tree.flatten(back)
        return y, new, Left(tuple(arrays), shapes)

    def backward(self, left: Left, gradient: Any) -> Any:
        """The backward program, for what the forward one has left."""
        if left.shapes not in self._meant:  # that was not traced in this process
            jax.eval_shape(self.forward, *(one and jax.ShapeDtypeStruct(*one) for one in left.shapes))
        return self._backward(jax.tree.unflatten(self._meant[left.shapes], left.arrays), gradient)
