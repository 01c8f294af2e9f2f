"""A function with its activations replaced: found in its trace by their names, wherever they stand."""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core

from nas.blocks.activations import PREFIX

CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "checkpoint")

Replace = Callable[[str, jax.Array, Callable[[jax.Array], jax.Array]], jax.Array]
"""Told an activation's name, its input, and itself: what stands in its place."""


def with_activations(function: Callable[..., Any], replace: Replace) -> Callable[..., Any]:
    """The function, traced for its arguments, with `replace` for each activation.

    What is not an activation is computed as it was, but gradients of its own are not kept:
    differentiation goes through its parts.
    """

    def replaced(*arguments: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        outputs = _evaluated(closed.jaxpr, closed.consts, jax.tree.leaves(arguments), replace)
        return jax.tree.unflatten(jax.tree.structure(shape), outputs)

    return replaced


def _evaluated(jaxpr: Any, constants: Any, arguments: Any, replace: Replace) -> list[Any]:
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, core.Literal) else values[variable]

    for equation in jaxpr.eqns:
        outputs = _equation(equation, [read(variable) for variable in equation.invars], replace)
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _equation(equation: Any, inputs: list[Any], replace: Replace) -> list[Any]:
    if equation.primitive.name not in CALLS:
        outputs = equation.primitive.bind(*inputs, **equation.params)
        return list(outputs) if equation.primitive.multiple_results else [outputs]
    inner = next(p for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if (p := equation.params.get(key)) is not None)
    jaxpr, constants = getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())

    def itself(x: jax.Array) -> jax.Array:
        found: jax.Array = _evaluated(jaxpr, constants, [x], replace)[0]
        return found

    called = str(equation.params.get("name", ""))
    if called.startswith(PREFIX):
        return [replace(called.removeprefix(PREFIX), inputs[0], itself)]
    return _evaluated(jaxpr, constants, inputs, replace)
