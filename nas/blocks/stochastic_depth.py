"""Stochastic depth (arXiv 1603.09382): in training some pictures go around a residual block.

Which ones is data that a training gives from outside, so that blocks that differ in how
often they are left out are still one program, and a block has nothing to hold for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_factors: ContextVar[jax.Array | None] = ContextVar("branch_factors", default=None)


@contextmanager
def branches_times(factors: jax.Array | None) -> Iterator[None]:
    """Within it, what residual blocks add to their skip is multiplied by `factors` (B,), one for each picture.

    They are 0 where the branch is left out, else 1 / (the share that is kept); None: all branches as they are.
    """
    token = _factors.set(factors)
    try:
        yield
    finally:
        _factors.reset(token)


def branch(y: jax.Array) -> jax.Array:
    """What a residual block adds to its skip, (B, H, W, C): `y` itself except within `branches_times`."""
    factors = _factors.get()
    return y if factors is None else y * factors.astype(y.dtype).reshape(-1, 1, 1, 1)
