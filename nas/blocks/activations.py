"""Activation functions by name, each traced as one named operation."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Activation = Callable[[jax.Array], jax.Array]

PREFIX = "activation_"


def _named(name: str, function: Activation) -> Activation:
    def activation(x: jax.Array) -> jax.Array:
        return function(x)

    # The name is how the tracer recognises the whole function, whatever it is made of.
    activation.__name__ = PREFIX + name
    return jax.jit(activation, inline=False)


ACTIVATIONS: dict[str, Activation] = {
    name: _named(name, function)
    for name, function in {
        "relu": lambda x: jnp.maximum(x, 0),
        "relu6": lambda x: jnp.clip(x, 0, 6),
        "swish": lambda x: x * jax.lax.logistic(x),
        "hard-swish": lambda x: x * jnp.clip(x + 3, 0, 6) * (1 / 6),
        "sigmoid": jax.lax.logistic,
        "hard-sigmoid": lambda x: jnp.clip(x + 3, 0, 6) * (1 / 6),
        "leaky-relu": lambda x: jnp.where(x >= 0, x, 0.1 * x),
        "elu": lambda x: jnp.where(x >= 0, x, jnp.expm1(jnp.minimum(x, 0))),
        "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        "tanh": jnp.tanh,
    }.items()
}
ACTIVATIONS["none"] = lambda x: x
