"""How fresh parameters are drawn: by JAX where a module is built for real, by NumPy where
a whole network is, since compiling one random draw for each shape costs seconds."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from nas.ops import Shape


@dataclass(frozen=True)
class Constant:
    """Every entry is `value`."""

    value: float

    def __call__(self, _key: jax.Array | None, shape: Shape) -> jax.Array:
        return jnp.full(shape, self.value, jnp.float32)

    def host(self, _generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """The same on the host, as a float32 array of `shape`."""
        return np.full(shape, self.value, np.float32)


@dataclass(frozen=True)
class FanOutNormal:
    """Normal with variance 2 / fan-out (He et al., arXiv 1502.01852, equation 14).

    The last two axes of the kernel are input channels of one group and output channels.
    """

    groups: int = 1

    def deviation(self, shape: Shape) -> float:
        """Standard deviation for a kernel of `shape`."""
        return math.sqrt(2 * self.groups / (math.prod(shape[:-2]) * shape[-1]))

    def __call__(self, key: jax.Array, shape: Shape) -> jax.Array:
        return self.deviation(shape) * jax.random.normal(key, shape, jnp.float32)

    def host(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """The same on the host, as a float32 array of `shape`."""
        return np.float32(self.deviation(shape)) * generator.standard_normal(shape, np.float32)


@dataclass(frozen=True)
class FanInUniform:
    """Uniform within sqrt(1 / fan-in) of zero, for classifiers: small first logits."""

    def bound(self, shape: Shape) -> float:
        """The largest entry for a kernel of `shape`."""
        return math.sqrt(1 / math.prod(shape[:-1]))

    def __call__(self, key: jax.Array, shape: Shape) -> jax.Array:
        return self.bound(shape) * jax.random.uniform(key, shape, jnp.float32, -1, 1)

    def host(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """The same on the host, as a float32 array of `shape`."""
        return np.float32(self.bound(shape)) * generator.uniform(-1, 1, shape).astype(np.float32)


Initializer = Constant | FanOutNormal | FanInUniform

_stand_ins: ContextVar[dict[Shape, jax.Array] | None] = ContextVar("stand_ins", default=None)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Within it, parameters have their shapes but no values worth anything.

    For one function that builds modules and is traced: tracing the random draws would take
    longer than tracing the module. Parameters of one shape share one array of zeros.
    """
    token = _stand_ins.set({})
    try:
        yield
    finally:
        _stand_ins.reset(token)


def _stand_in(shape: Shape) -> jax.Array | None:
    """Zeros in place of a parameter's values where only its shape matters, else None."""
    arrays = _stand_ins.get()
    if arrays is None:
        return None
    if shape not in arrays:
        arrays[shape] = lax.broadcast(np.float32(0), shape)
    return arrays[shape]


def parameter(initializer: Initializer, shape: Shape, rngs: nnx.Rngs) -> nnx.Param[jax.Array]:
    """A trainable array that remembers how to be drawn again (`nas.network.initialise` does)."""
    if (zeros := _stand_in(shape)) is not None:
        return nnx.Param(zeros, initializer=initializer)
    key = None if isinstance(initializer, Constant) else rngs.params()
    return nnx.Param(initializer(key, shape), initializer=initializer)  # type: ignore[arg-type]


def statistic(value: float, shape: Shape) -> nnx.BatchStat[jax.Array]:
    """A running statistic that starts at `value`; kept with the weights, never trained."""
    initializer = Constant(value)
    zeros = _stand_in(shape)
    return nnx.BatchStat(initializer(None, shape) if zeros is None else zeros, initializer=initializer)
