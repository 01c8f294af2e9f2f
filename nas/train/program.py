"""A function that is compiled for the shapes of its arguments: once in a process, or found on disk."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nas.emitters import emitters
from nas.train import kept


@cache
def compiler_options(whole: bool = False) -> dict[str, Any]:
    """What XLA compiles sooner by on CPUs, and computes convolutions faster by.

    One is its older code generator (`nas.emitters`). Convolutions go to its own code, which
    multiplies by oneDNN, and not to YNNPACK, which transposes all that the gradient of a kernel
    reads. What convolutions gain by it together with their forms in `nas.blocks`, and some
    lose, is in benchmarks/results/convolutions.md.
    For a network's blocks, which are compiled several at a time, also one thread for each
    and no more than the first level of optimisation: another quarter, at the same speed.
    Empty on other platforms, and without what XLA no longer knows.
    """
    if jax.default_backend() != "cpu":
        return {}
    options: dict[str, Any] = {
        "xla_cpu_use_fusion_emitters": emitters() == "newer",
        "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE",
    }
    if not whole:
        options |= {"xla_cpu_parallel_codegen_split_count": 1, "xla_backend_optimization_level": 1}
    return options if _known(options) else {name: value for name, value in options.items() if _known({name: value})}


def _known(options: dict[str, Any]) -> bool:
    """Whether XLA compiles with these options."""
    try:
        jax.jit(jnp.negative).lower(1).compile(options)
    except jax.errors.JaxRuntimeError:
        return False
    return True


class Ready(NamedTuple):
    """A program for arguments of some shapes: when it is there, and the shapes of what it gives."""

    compiled: Future[Any]
    shapes: Any


class Program:
    """A function that is compiled for each of its arguments' shapes; calls go to JAX's own compiled function.

    `__wrapped__` is the function for use within a larger program. `told` tells it from all
    other functions of these sources; where it does not say, it is not kept on disk.
    """

    def __init__(
        self, function: Callable[..., Any], told: Callable[[], str], apart: Callable[..., Any] | None, **options: Any
    ):
        self.__wrapped__ = function
        self._told, self._options = told, options
        self._compiled = jax.jit(apart or function, compiler_options=compiler_options(), **options)
        self._ready: dict[Any, Ready] = {}

    def __call__(self, *arguments: Any) -> Any:
        return self._compiled(*arguments)

    def ready(self, pool: Executor, arguments: tuple[Any, ...]) -> Ready:
        """Itself for arguments like these: loaded from disk, or compiled, in the pool, once in a process."""
        leaves, tree = jax.tree.flatten(arguments)
        known = tree, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        begun = self._ready.get(known)
        if begun is None or (begun.compiled.done() and begun.compiled.exception()):  # memory may have come free since
            begun = self._ready[known] = self._begun(pool, arguments)
        return begun

    def _begun(self, pool: Executor, arguments: tuple[Any, ...]) -> Ready:
        told = self._told()
        key = kept.key_of(f"{told} {self._options} {compiler_options()}", arguments) if told else ""
        if told and (found := kept.find(key)):
            shapes = jax.tree.map(shape_of, arguments)
            return Ready(pool.submit(self._loaded, found, shapes), found.shapes)
        lowered = self._compiled.lower(*arguments)
        shapes = jax.tree.map(shape_of, lowered.out_info)
        if not told:
            return Ready(pool.submit(lowered.compile), shapes)
        return Ready(pool.submit(kept.compile_to_keep, lowered, key, shapes), shapes)

    def _loaded(self, found: kept.Kept, arguments: tuple[Any, ...]) -> Any:
        try:
            return found.load(arguments)
        except Exception:  # JAX says in many ways that it cannot load what another build of it has written
            return self._compiled.lower(*arguments).compile()


def program(function: Callable[..., Any], told: str = "", **options: Any) -> Any:
    """A compiled function; what `told` and the options say is all that tells it from others of these sources."""
    return Program(function, lambda: told, None, **options)


def shape_of(leaf: Any) -> jax.ShapeDtypeStruct:
    """What is known of an array before it is computed."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None))
