"""What is asked of the equations of a JAX trace by whoever goes through them one by one."""

from collections import Counter
from typing import Any


def reads(jaxpr: Any) -> Counter[Any]:
    """How often each variable is read on the way to the results, each of which is read once more at the end.

    Of an equation that no result depends on, none of the variables it makes is there.
    """
    counts = Counter(variable for variable in jaxpr.outvars if not is_literal(variable))
    for equation in reversed(jaxpr.eqns):
        if any(variable in counts for variable in equation.outvars):
            counts.update(variable for variable in equation.invars if not is_literal(variable))
    return counts


def called(equation: Any) -> Any:
    """What an equation calls, or None for a primitive."""
    return next(
        (equation.params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if equation.params.get(key)), None
    )


def is_literal(variable: Any) -> bool:
    """Whether an equation reads a number that stands in it, which is no variable."""
    return hasattr(variable, "val")
