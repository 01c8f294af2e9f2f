"""A traced block computed once more, with everything rounded that its int8 file rounds.

What the converter fuses is rounded as one: batch norm goes into the weights of the
convolution before it, and a clipping activation into what it clips. So an operation is
computed only when it is known what follows it.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from nas.blocks.activations import PREFIX
from nas.equations import called, reads
from nas.errors import InputError
from nas.rounding.operations import Pending, Take, Tensor, made

_PASSING = ("convert_element_type", "stop_gradient", "copy", "optimization_barrier", "pvary")
_PLACING = ("reshape", "squeeze", "transpose", "slice", "reduce_window_max", "pad", "broadcast_in_dim")
_BINARY = {"add": "add", "add_any": "add", "sub": "sub", "mul": "mul"}
_CLIPPING = ("relu", "relu6")  # which are fused
_BY_THEMSELVES = ("relu", "relu6", "sigmoid", "tanh", "hard-swish")


class Reader:
    """Computes equations; what a variable stands for is a constant (an array), a `Tensor` or a `Pending`."""

    def __init__(self, take: Take):
        self._take = take
        self._known: dict[Any, Any] = {}
        self._uses: dict[Any, int] = {}
        self._pending: list[Pending] = []
        self.convolutions: list[Pending] = []  # in the order in which they were computed

    def run(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> Tensor:
        """What the first result of a jaxpr is; the arguments are arrays, which are constants, or tensors."""
        self._count(jaxpr)
        for variable, value in zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True):
            self._know(variable, value)
        self._read(jaxpr)
        result: Tensor = self._ended(self._value(jaxpr.outvars[0]))
        return result

    def _count(self, jaxpr: Any) -> None:
        # JAX has one jaxpr for equal calls: its variables are counted anew, not on top.
        self._uses |= reads(jaxpr)

    def _value(self, variable: Any) -> Any:
        return variable.val if hasattr(variable, "val") else self._known[variable]

    def _know(self, variable: Any, value: Any) -> None:
        """Something that several read is not fused with what follows."""
        several = isinstance(value, Pending) and self._uses.get(variable, 0) > 1
        self._known[variable] = self._ended(value) if several else value

    def _read(self, jaxpr: Any) -> None:
        for equation in jaxpr.eqns:
            if not any(variable in self._uses for variable in equation.outvars):
                continue  # no file has it
            values = [self._value(variable) for variable in equation.invars]
            inner, name = called(equation), str(equation.params.get("name", ""))
            if not any(isinstance(value, Tensor | Pending) for value in values):
                self._compute(equation, values)
            elif name.startswith(PREFIX):
                self._know(equation.outvars[0], self._activation(name.removeprefix(PREFIX), values[0]))
            elif inner is not None:
                self._call(inner, equation, values)
            elif equation.primitive.name == "split":
                self._split(equation, self._ended(values[0]))
            else:
                self._know(equation.outvars[0], self._primitive(equation, values))

    def _call(self, inner: Any, equation: Any, values: Sequence[Any]) -> None:
        jaxpr = getattr(inner, "jaxpr", inner)
        self._count(jaxpr)
        bound = (*getattr(inner, "consts", ()), *values[-len(jaxpr.invars) :])
        for variable, value in zip((*jaxpr.constvars, *jaxpr.invars), bound, strict=True):
            self._know(variable, value)
        self._read(jaxpr)
        for outside, inside in zip(equation.outvars, jaxpr.outvars, strict=True):
            self._know(outside, self._value(inside))

    def _compute(self, equation: Any, values: Sequence[Any]) -> None:
        """What depends on weights alone."""
        found = equation.primitive.bind(*values, **equation.primitive.get_bind_params(equation.params))
        several = found if equation.primitive.multiple_results else [found]
        self._known |= dict(zip(equation.outvars, several, strict=True))

    def _split(self, equation: Any, tensor: Tensor) -> None:
        parts = equation.primitive.bind(tensor.value, **equation.params)
        self._known |= {
            variable: Tensor(part, tensor.step) for variable, part in zip(equation.outvars, parts, strict=True)
        }

    def _primitive(self, equation: Any, values: Sequence[Any]) -> Any:
        name, params = equation.primitive.name, equation.params
        shape = tuple(equation.outvars[0].aval.shape[1:])
        if name in _PASSING:
            return values[0]
        if name in _PLACING:
            tensor, *others = self._all_ended(values)
            if not any(isinstance(other, Tensor) for other in others):
                return Tensor(equation.primitive.bind(tensor.value, *others, **params), tensor.step)
        if name == "conv_general_dilated" and not isinstance(values[1], Tensor | Pending):
            return self._begun(Pending("conv", shape, (self._ended(values[0]),), dict(params), values[1]))
        if name == "reduce_window_sum":
            return self._begun(Pending("sum", shape, (self._ended(values[0]),), dict(params)))
        if name == "concatenate":
            return self._begun(Pending("concat", shape, self._all_ended(values), {"axis": params["dimension"]}))
        if name in _BINARY or name == "div":
            return self._arithmetic(name, shape, *values)
        raise InputError(f"rounding: has no form of the operation '{name}'; expected a network of TFLite's operations")

    def _arithmetic(self, name: str, shape: tuple[int, ...], first: Any, second: Any) -> Any:
        if not isinstance(first, Tensor | Pending) and name in ("add", "add_any", "mul"):
            first, second = second, first
        if isinstance(second, Tensor | Pending):
            if name == "div" or not isinstance(first, Tensor | Pending):
                raise InputError(f"rounding: has no form of a '{name}' by a tensor; expected products and sums of them")
            return self._begun(Pending(_BINARY[name], shape, self._all_ended((first, second))))
        if name in ("div", "sub"):
            second = 1 / jnp.asarray(second) if name == "div" else -jnp.asarray(second)
        op = "mul" if name in ("div", "mul") else "add"
        constant = jnp.asarray(second, jnp.float32)
        if isinstance(first, Pending) and first.absorbs(op, constant):
            return first
        return self._begun(Pending(op, shape, (self._ended(first), constant)))

    def _activation(self, name: str, value: Any) -> Any:
        if name in _CLIPPING and isinstance(value, Pending) and value.clips:
            value.activation = name
            return value
        tensor = self._ended(value)
        shape = tuple(tensor.value.shape[1:])
        if name == "swish":
            gate = self._ended(self._begun(Pending("sigmoid", shape, (tensor,))))
            return self._begun(Pending("mul", shape, (tensor, gate)))
        if name not in _BY_THEMSELVES:
            known = ", ".join(("swish", *_BY_THEMSELVES))
            raise InputError(f"rounding: has no form of the activation '{name}'; expected one of {known}")
        return self._begun(Pending(name, shape, (tensor,)))

    def _begun(self, pending: Pending) -> Pending:
        self._pending.append(pending)
        return pending

    def _all_ended(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self._ended(value) for value in values)

    def _ended(self, value: Any) -> Any:
        """A tensor or constant as it is; something pending computed, after all that was begun before it."""
        if not isinstance(value, Pending):
            return value
        while value.tensor is None:
            first = self._pending.pop(0)
            first.tensor = made(first, self._take)
            if first.op == "conv":
                self.convolutions.append(first)
        return value.tensor
