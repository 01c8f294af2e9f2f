"""Statistics for the batch norms of a network whose file has them folded away.

Such norms are x * scale + bias, with a mean of 0 and a variance of 1 that nobody has
measured. In evaluation that is all there is to them. Training norms by the statistics of
its batches, which are others, and would begin far from the network that was imported.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from numpy.typing import NDArray

from nas.blocks.layers import BATCH_NORM, BatchNorm
from nas.network import Network
from nas.resizing import Images

FEWEST, BATCH = 8, 32  # pictures: fewer tell too little; how many are computed at a time
_PLACES = (0, 1, 2)

Array = NDArray[np.float64]


class _Moments:
    """Mean and variance, (C,), of all that was added."""

    def __init__(self) -> None:
        self.count, self.mean, self.var = 0, np.zeros(1), np.zeros(1)

    def add(self, count: int, mean: Array, var: Array) -> None:
        share = count / (self.count + count)
        self.var = self.var + share * (var - self.var) + share * (1 - share) * (mean - self.mean) ** 2
        self.mean = self.mean + share * (mean - self.mean)
        self.count += count


def take_statistics(network: Network, pictures: Images) -> int:
    """Gives each batch norm the mean and variance of what it reads of `pictures` (N, H, W, C) of 0..255.

    Its scale and bias change with them, so that the network computes what it did.
    Returns how many pictures were used: whole batches, or none where there are fewer than
    `FEWEST`, or all are of one colour. The network is left in evaluation.
    """
    size = min(BATCH, len(pictures))
    if size < FEWEST or (pictures == pictures[:1, :1, :1]).all():
        return 0
    batches = [pictures[start : start + size] for start in range(0, len(pictures) - size + 1, size)]
    moments: dict[Any, _Moments] = {}
    norms, run = _readers(network, batches[0].shape)
    for batch in batches:
        for norm, (mean, var) in zip(norms, run(batch), strict=True):
            moments.setdefault(id(norm), _Moments()).add(size, *(np.asarray(part, np.float64) for part in (mean, var)))
    for norm in {id(norm): norm for norm in norms}.values():
        _set(norm, moments[id(norm)])
    return size * len(batches) if norms else 0


def _readers(network: Network, shape: tuple[int, ...]) -> tuple[list[BatchNorm], Any]:
    """Each use of a batch norm, and a function of pictures of `shape` to the mean and variance that each reads."""
    network.eval()  # type: ignore[no-untyped-call]
    modules: dict[Any, Any] = dict(nnx.iter_modules(network))
    definition, state = nnx.split(network)
    closed = jax.make_jaxpr(lambda state, x: nnx.merge(definition, state)(x))(
        state, jax.ShapeDtypeStruct(shape, np.float32)
    )
    paths = (path[:-1] for path, _ in nnx.to_flat_state(state))
    owners = dict(zip(closed.jaxpr.invars, paths, strict=False))
    uses = [equation for equation in closed.jaxpr.eqns if equation.params.get("name") == BATCH_NORM]
    norms = [modules[next(owners[v] for v in equation.invars if v in owners)] for equation in uses]
    read = jaxpr_as_fun(_giving(closed, [equation.invars[0] for equation in uses]))

    @jax.jit
    def run(leaves: Any, x: Any) -> Any:
        return [(jnp.mean(y, _PLACES), jnp.var(y, _PLACES)) for y in read(*leaves, x)]

    leaves = jax.tree.leaves(state)
    return norms, lambda pictures: run(leaves, jnp.asarray(pictures, jnp.float32) / 127.5 - 1)


def _giving(closed: ClosedJaxpr, variables: list[Any]) -> ClosedJaxpr:
    """The same trace with other results."""
    debug = closed.jaxpr.debug_info._replace(result_paths=None)
    return ClosedJaxpr(closed.jaxpr.replace(outvars=variables, debug_info=debug), closed.consts)


def _set(norm: BatchNorm, found: _Moments) -> None:
    """New statistics, and the scale and bias with which they make the same line of what is read."""
    scale, bias, mean, var = (
        np.asarray(array[...], np.float64) for array in (norm.scale, norm.bias, norm.mean, norm.var)
    )
    factor = scale / np.sqrt(var + norm.epsilon)
    scale, bias = factor * np.sqrt(found.var + norm.epsilon), bias + (found.mean - mean) * factor
    for array, values in ((norm.mean, found.mean), (norm.var, found.var), (norm.scale, scale), (norm.bias, bias)):
        array[...] = jnp.asarray(values, jnp.float32)
