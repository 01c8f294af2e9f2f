"""From a network's trace to its plain operations, weights folded as far as they go."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr

from nas.blocks.activations import PREFIX
from nas.equations import called, reads
from nas.errors import InputError
from nas.export.plain import Array, Nodes, Plain, Value

FIRST = (0, 3, 1, 2)  # axes of (1, H, W, C) as (1, C, H, W), and back
LAST = (0, 2, 3, 1)
PASSING = ("convert_element_type", "stop_gradient", "copy", "optimization_barrier", "pvary")
ELEMENTWISE = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "max": "max", "min": "min", "add_any": "add"}
_BY_CONSTANT: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "add": ("add", np.asarray),
    "sub": ("add", np.negative),
    "mul": ("mul", np.asarray),
    "div": ("mul", np.reciprocal),
}
# What batch norm computes of weights alone: JAX would compile each of these for each shape.
_NUMPY: dict[str, Callable[..., Any]] = {
    "add": lambda x, y, **_: x + y,
    "sub": lambda x, y, **_: x - y,
    "mul": lambda x, y, **_: x * y,
    "rsqrt": lambda x, **_: 1 / np.sqrt(x),
    "reshape": lambda x, new_sizes, **_: x.reshape(new_sizes),
    "convert_element_type": lambda x, new_dtype, **_: x.astype(new_dtype),
}
UNARY = {"logistic": "sigmoid", "tanh": "tanh"}


def lower(closed: ClosedJaxpr) -> Plain:
    """The operations of a trace of library convolutions.

    Raises `InputError` for an operation that is none of these.
    """
    reader = _Reader(closed)
    shape = tuple(closed.in_avals[0].shape)
    return Plain(tuple(shape[axis] for axis in FIRST), reader.nodes.leading_to(reader.result), reader.result)


class _Reader:
    """Turns equations into nodes; what a variable stands for is a tensor's number or a constant."""

    def __init__(self, closed: ClosedJaxpr):
        self.nodes = Nodes()
        self.known: dict[Any, Value] = {closed.jaxpr.invars[0]: 0}
        self.uses: dict[Any, int] = {}  # of variables
        self._constants(closed.jaxpr.constvars, closed.consts)
        self._count(closed.jaxpr)
        self._read(closed.jaxpr)
        result = self._value(closed.jaxpr.outvars[0])
        if not isinstance(result, int):
            raise InputError("export: the network gives the same for every picture; expected one that looks at it")
        self.result = result

    def _constants(self, variables: Sequence[Any], values: Sequence[Any]) -> None:
        for variable, value in zip(variables, values, strict=True):
            self.known[variable] = np.asarray(value)

    def _value(self, variable: Any) -> Value:
        return np.asarray(variable.val) if hasattr(variable, "val") else self.known[variable]

    def _know(self, variable: Any, value: Value) -> None:
        self.known[variable] = value
        if isinstance(value, int) and self.uses.get(variable, 0) > 1:
            self.nodes.shared.add(value)

    def _count(self, jaxpr: Any) -> None:
        # JAX has one jaxpr for equal calls: its variables are counted anew, not on top.
        self.uses |= reads(jaxpr)

    def _read(self, jaxpr: Any) -> None:
        for equation in jaxpr.eqns:
            if not any(variable in self.uses for variable in equation.outvars):
                continue
            values = [self._value(variable) for variable in equation.invars]
            tensors = [value for value in values if isinstance(value, int)]
            inner = called(equation)
            name = str(equation.params.get("name", ""))
            if tensors and name.startswith(PREFIX):
                self._know(equation.outvars[0], self._emit(name.removeprefix(PREFIX), tensors, equation))
            elif inner is not None:
                self._call(inner, equation, values)
            elif not tensors:
                self._fold(equation, values)
            else:
                self._know(equation.outvars[0], self._primitive(equation.primitive.name, equation, values))

    def _call(self, inner: Any, equation: Any, values: Sequence[Value]) -> None:
        jaxpr = getattr(inner, "jaxpr", inner)
        self._constants(jaxpr.constvars, getattr(inner, "consts", ()))
        self._count(jaxpr)
        for variable, value in zip(jaxpr.invars, values[-len(jaxpr.invars) :], strict=True):
            self._know(variable, value)
        self._read(jaxpr)
        for outside, inside in zip(equation.outvars, jaxpr.outvars, strict=True):
            self._know(outside, self._value(inside))

    def _fold(self, equation: Any, values: Sequence[Any]) -> None:
        """Computes what depends on constants alone."""
        computes = _NUMPY.get(equation.primitive.name, equation.primitive.bind)
        found = computes(*values, **equation.params)
        several = found if equation.primitive.multiple_results else [found]
        self._constants(equation.outvars, several)

    def _primitive(self, name: str, equation: Any, values: Sequence[Value]) -> Value:
        params = equation.params
        if name in PASSING:
            return values[0]
        if name in UNARY:
            return self._emit(UNARY[name], values, equation)
        if name in ELEMENTWISE:
            return self._elementwise(ELEMENTWISE[name], equation, values)
        if name == "conv_general_dilated":
            return self._convolution(equation, values)
        if name in ("reduce_window_sum", "reduce_window_max"):
            return self._pool(name, equation, values)
        if name == "dot_general":
            return self._dense(equation, values)
        if name == "concatenate":
            axis = _axis(params["dimension"], equation)
            return self._emit("concat", [self._placed(value) for value in values], equation, axis=axis)
        if name in ("reshape", "squeeze"):
            return self._reshape(equation, values[0])
        if name == "transpose":
            return self._transpose(equation, values[0])
        if name == "slice":
            strides = params["strides"] or (1,) * len(params["start_indices"])
            facts = {"begin": params["start_indices"], "end": params["limit_indices"], "strides": strides}
            return self._emit("slice", values, equation, **{key: _first(fact) for key, fact in facts.items()})
        if name == "pad" and not isinstance(values[1], int) and all(inside == 0 for _, _, inside in _config(equation)):
            padding = _first([(low, high) for low, high, _ in _config(equation)])
            return self._emit("pad", values[:1], equation, padding=padding, value=float(values[1]))
        raise InputError(f"export: this format has no form of the operation '{name}'; expected one of TFLite's instead")

    def _emit(self, op: str, inputs: Sequence[Value], equation: Any, **facts: Any) -> int:
        shape = tuple(equation.outvars[0].aval.shape)
        return self.nodes.add(op, inputs, _first(shape), **facts)

    def _placed(self, value: Value) -> Value:
        """A constant as it lies beside tensors."""
        return value if isinstance(value, int) or value.ndim != 4 else value.transpose(FIRST)

    def _convolution(self, equation: Any, values: Sequence[Value]) -> int:
        params, kernel = equation.params, values[1]
        if isinstance(kernel, int):
            raise InputError("export: a convolution has weights that are computed; expected constants")
        return self._emit(
            "conv",
            [values[0], np.asarray(kernel, np.float32).transpose(3, 2, 0, 1)],
            equation,
            strides=tuple(params["window_strides"]),
            padding=_edges(params["padding"]),
            dilation=tuple(params["rhs_dilation"]),
            groups=int(params["feature_group_count"]),
        )

    def _pool(self, name: str, equation: Any, values: Sequence[Value]) -> int:
        params = equation.params
        window = tuple(int(size) for size in params["window_dimensions"][1:3])
        facts = {
            "window": window,
            "strides": tuple(int(size) for size in params["window_strides"][1:3]),
            "padding": _edges(params["padding"][1:3]),
        }
        if name == "reduce_window_max":
            return self._emit("max_pool", values[:1], equation, **facts)
        mean = self._emit("average_pool", values[:1], equation, **facts)
        return self._emit("mul", [mean, np.array(math.prod(window), np.float32)], equation)

    def _dense(self, equation: Any, values: Sequence[Value]) -> int:
        (left, right), batches = equation.params["dimension_numbers"]
        weights = values[1]
        flat = isinstance(values[0], int) and equation.invars[0].aval.ndim == 2 and tuple(left) == (1,)
        if isinstance(weights, int) or not flat or weights.ndim != 2 or any(map(len, batches)):
            raise InputError(
                "export: this format has no form of a product other than of features with constant weights"
            )
        return self._emit("dense", [values[0], weights if tuple(right) == (0,) else weights.T], equation)

    def _elementwise(self, op: str, equation: Any, values: Sequence[Value]) -> int:
        first, second = (self._placed(value) for value in values)
        if op in ("add", "mul") and isinstance(second, int):
            first, second = second, first
        if isinstance(first, int) and not isinstance(second, int) and op in _BY_CONSTANT:
            kind, turned = _BY_CONSTANT[op]
            constant = turned(np.asarray(second, np.float32))
            return self.nodes.add_constant(kind, first, constant, _first(tuple(equation.outvars[0].aval.shape)))
        return self._emit(op, [first, second], equation)

    def _reshape(self, equation: Any, value: Value) -> Value:
        """JAX counts elements with the channels last; where that differs, tensors are turned so and back."""
        before, after = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
        number = value
        if len(before) == 4 and not _same_order(before):
            number = self.nodes.add("transpose", [number], tuple(before), axes=LAST)
        if len(after) != 4 or _same_order(after):
            return self.nodes.add("reshape", [number], _first(tuple(after)))
        number = self.nodes.add("reshape", [number], tuple(after))
        return self.nodes.add("transpose", [number], _first(tuple(after)), axes=FIRST)

    def _transpose(self, equation: Any, value: Value) -> int:
        axes = tuple(equation.params["permutation"])
        if len(axes) == 4:
            axes = tuple(FIRST.index(axes[axis]) for axis in FIRST)
        return self._emit("transpose", [value], equation, axes=axes)


def _first(shape: Any) -> Any:
    """Something by axis, of four axes with the channels first."""
    return tuple(shape[axis] for axis in FIRST) if len(shape) == 4 else tuple(shape)


def _axis(axis: int, equation: Any) -> int:
    return FIRST.index(axis) if equation.outvars[0].aval.ndim == 4 else axis


def _edges(padding: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(low), int(high)) for low, high in padding)


def _config(equation: Any) -> list[tuple[int, int, int]]:
    return [(int(low), int(high), int(inside)) for low, high, inside in equation.params["padding_config"]]


def _same_order(shape: Sequence[int]) -> bool:
    """Whether the elements of (1, H, W, C) follow each other the same way with the channels first."""
    return shape[1] * shape[2] == 1 or shape[3] == 1
