"""What a network does, op by op, read from its trace; nothing is executed.

JAX traces each distinct block once on abstract inputs. Its equations become the ops of
the deployed network: batch norm folded into the convolution before it, biases and
clipping activations fused, as TFLite's converter does.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import Block
from nas.blocks.activations import PREFIX
from nas.blocks.convolution import library_convolutions, same_padding
from nas.blocks.initializers import shapes_only
from nas.blocks.layers import BATCH_NORM
from nas.equations import called, is_literal
from nas.network import steps
from nas.ops import BlockTrace, LayerTrace, Op, Shape, Trace

__all__ = ["BlockTrace", "LayerTrace", "Op", "Shape", "Trace", "trace", "trace_block", "trace_module"]

FUSABLE = ("relu", "relu6")  # activations that TFLite's convolutions and additions carry inside
COMPUTING = ("conv", "depthwise_conv", "dense")
ELEMENTWISE = {"add": "add", "sub": "add", "add_any": "add", "mul": "mul", "div": "mul"}
CONTROL_FLOW = ("scan", "while", "cond")  # what is within them does not run just once


def trace(architecture: Architecture, origin: str = "architecture") -> Trace:
    """Traces a network, looking up every block that was traced before.

    Raises `InputError` for a line that no block can be made of.
    """
    return Trace(
        tuple(
            LayerTrace(step.name, step.block.kind, trace_block(step.block, step.in_shape))
            for step in steps(architecture, origin, _traced_shape)
        ),
        architecture,
    )


def _traced_shape(block: Block, in_shape: Shape) -> Shape:
    return trace_block(block, in_shape).out_shape


@lru_cache(maxsize=65536)
def trace_block(block: Block, in_shape: Shape) -> BlockTrace:
    """The ops of one distinct block on an input of `in_shape` (height, width, channels)."""
    return trace_module(lambda: block.build(in_shape, nnx.Rngs(0)), in_shape)


def trace_module(build: Callable[[], nnx.Module], in_shape: Shape) -> BlockTrace:
    """The ops of any Flax module that `build` makes, in evaluation, batch 1."""
    params = statistics = 0

    def run(x: jax.Array) -> Any:
        nonlocal params, statistics
        with shapes_only():
            module = build()
        module.eval()
        params, statistics = map(_count, nnx.state(module, nnx.Param, nnx.BatchStat))
        return module(x)

    with library_convolutions():
        closed = jax.make_jaxpr(run)(jax.ShapeDtypeStruct((1, *in_shape), np.float32))
    reader = _Reader(closed.jaxpr.invars[0])
    reader.read(closed.jaxpr)
    out = closed.jaxpr.outvars[0]
    ops, idle = _parted(reader.ops, reader.tensors.get(out))
    return BlockTrace(ops, in_shape, out.aval.shape[1:], params, statistics, idle)


def _parted(ops: Sequence[Op], output: int | None) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    """The ops that the tensor `output` is made by, and the others."""
    needed = {output}
    for op in reversed(ops):
        if op.output in needed:
            needed.update(op.inputs)
    return tuple(op for op in ops if op.output in needed), tuple(op for op in ops if op.output not in needed)


def _count(state: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state))


class _Reader:
    """Turns equations into ops. Variables that hold no number of a tensor are constants:
    weights, and whatever is computed from weights alone."""

    def __init__(self, block_input: Any):
        self.ops: list[Op] = []
        self.tensors: dict[Any, int] = {block_input: 0}
        self.uses: dict[Any, int] = {}

    def read(self, jaxpr: Any) -> None:
        variables = [variable for equation in jaxpr.eqns for variable in equation.invars]
        # JAX has one jaxpr for equal calls: its variables are counted anew, not on top.
        self.uses |= Counter(variable for variable in (*variables, *jaxpr.outvars) if not is_literal(variable))
        for equation in jaxpr.eqns:
            self._equation(equation)

    def _equation(self, equation: Any) -> None:
        tensors = [v for v in equation.invars if not is_literal(v) and v in self.tensors]
        if not tensors:
            return  # computed from weights alone: a constant of the deployed network
        name = equation.primitive.name
        if name in CONTROL_FLOW:
            raise ValueError(f"found JAX's {name}; expected no loops and no branches, whose ops cannot be counted")
        inner = called(equation)
        if inner is None:
            self._primitive(name, equation, tensors)
        elif (function := equation.params.get("name", "")).startswith(PREFIX):
            self._activation(function.removeprefix(PREFIX), equation, tensors)
        elif function == BATCH_NORM:
            self._batch_norm(equation, tensors)
        else:
            self._call(getattr(inner, "jaxpr", inner), equation)

    def _call(self, inner: Any, equation: Any) -> None:
        for inside in (*inner.invars, *(made for each in inner.eqns for made in each.outvars)):
            self.tensors.pop(inside, None)  # what it was in an equal call before
        for inside, outside in zip(inner.invars, equation.invars, strict=True):
            if not is_literal(outside) and outside in self.tensors:
                self.tensors[inside] = self.tensors[outside]
        self.read(inner)
        for inside, outside in zip(inner.outvars, equation.outvars, strict=True):
            if not is_literal(inside) and inside in self.tensors:
                self.tensors[outside] = self.tensors[inside]
                self.uses[inside] += self.uses.get(outside, 0) - 1

    def _primitive(self, name: str, equation: Any, tensors: Sequence[Any]) -> None:
        if name == "conv_general_dilated":
            self._convolution(equation, tensors)
        elif name == "dot_general":
            self._dense(equation, tensors)
        elif name in ELEMENTWISE:
            self._elementwise(ELEMENTWISE[name], equation, tensors)
        elif name in ("reduce_window_sum", "reduce_window_max"):
            self._pool(name, equation, tensors)
        elif name in ("broadcast_in_dim", "convert_element_type", "stop_gradient", "copy"):
            self.tensors[equation.outvars[0]] = self.tensors[tensors[0]]
        else:
            kind = {"concatenate": "concat", "squeeze": "reshape"}.get(name, name)
            self._emit(kind, equation, tensors)

    def _convolution(self, equation: Any, tensors: Sequence[Any]) -> None:
        kernel = equation.invars[1].aval.shape  # (kh, kw, channels of a group, output channels)
        groups = equation.params["feature_group_count"]
        out = equation.outvars[0].aval.shape
        depthwise = groups > 1 and kernel[2] == 1
        strides, dilation = equation.params["window_strides"], equation.params["rhs_dilation"][0]
        self._emit(
            "depthwise_conv" if depthwise else "conv",
            equation,
            tensors[:1],
            read=self._padded(tensors[0], equation.params["padding"], kernel[:2], strides, dilation),
            kernel=(kernel[0], kernel[1]),
            stride=max(strides),
            dilation=dilation,
            groups=groups,
            macs=math.prod(out) * math.prod(kernel[:3]),
            weights=math.prod(kernel),
        )

    def _dense(self, equation: Any, tensors: Sequence[Any]) -> None:
        weights = math.prod(equation.invars[1].aval.shape)
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        depth = math.prod(shape[axis] for axis in contracted)
        macs = math.prod(equation.outvars[0].aval.shape) * depth
        self._emit("dense", equation, tensors, macs=macs, weights=weights if len(tensors) == 1 else 0)

    def _elementwise(self, kind: str, equation: Any, tensors: Sequence[Any]) -> None:
        constants = [v for v in equation.invars if is_literal(v) or v not in self.tensors]
        if constants and self._absorbs(kind, constants[0], tensors[0]):
            self.tensors[equation.outvars[0]] = self.tensors[tensors[0]]
            return
        self._emit(kind, equation, tensors, weights=sum(_size(v) for v in constants))

    def _absorbs(self, kind: str, constant: Any, tensor: Any) -> bool:
        """Whether the op that made `tensor` takes the constant in: a bias, or a pool's division."""
        producer = self._producer(tensor)
        if producer is None:
            return False
        if producer.kind == "average_pool" and kind == "mul" and _is_count(constant):
            return True
        if kind == "add" and producer.kind in COMPUTING and not producer.activation:
            self.ops[-1] = replace(producer, biases=max(producer.biases, _size(constant)))
            return True
        return False

    def _pool(self, name: str, equation: Any, tensors: Sequence[Any]) -> None:
        window = equation.params["window_dimensions"][1:3]
        strides = equation.params["window_strides"][1:3]
        kind = "average_pool" if name == "reduce_window_sum" else "max_pool"
        read = self._padded(tensors[0], equation.params["padding"][1:3], window, strides)
        self._emit(kind, equation, tensors[:1], read=read, kernel=tuple(window), stride=max(strides))

    def _padded(
        self, tensor: Any, padding: Any, window: Sequence[int], strides: Sequence[int], dilation: int = 1
    ) -> tuple[int, Shape]:
        """The tensor that an op with this padding reads, and its shape.

        TFLite's ops pad in two ways, not at all or as `same_padding` does; any other
        padding is an op of its own before them.
        """
        number, (height, width, channels) = self.tensors[tensor], tensor.aval.shape[1:]
        edges = tuple(map(tuple, padding))
        same = same_padding((height, width), tuple(window), (strides[0], strides[1]), dilation)
        if edges in (((0, 0), (0, 0)), same):
            return number, (height, width, channels)
        shape = (height + sum(edges[0]), width + sum(edges[1]), channels)
        self.ops.append(Op("pad", (height, width, channels), shape, (number,), len(self.ops) + 1))
        return len(self.ops), shape

    def _batch_norm(self, equation: Any, tensors: Sequence[Any]) -> None:
        channels = equation.outvars[0].aval.shape[-1]
        producer = self._producer(tensors[0])
        if producer is not None and producer.kind in COMPUTING and not producer.activation:
            self.ops[-1] = replace(producer, biases=channels)
            self.tensors[equation.outvars[0]] = self.tensors[tensors[0]]
            return
        self._emit("mul", equation, tensors, weights=channels)
        self._emit("add", equation, equation.outvars, weights=channels)

    def _activation(self, name: str, equation: Any, tensors: Sequence[Any]) -> None:
        producer = self._producer(tensors[0])
        if (
            name in FUSABLE
            and producer is not None
            and producer.kind in (*COMPUTING, "add")
            and not producer.activation
        ):
            self.ops[-1] = replace(producer, activation=name)
            self.tensors[equation.outvars[0]] = self.tensors[tensors[0]]
            return
        self._emit("activation", equation, tensors, activation=name)

    def _producer(self, tensor: Any) -> Op | None:
        """The op just emitted, if it made `tensor` and nothing else reads that."""
        if self.ops and self.ops[-1].output == self.tensors[tensor] and self.uses.get(tensor, 1) == 1:
            return self.ops[-1]
        return None

    def _emit(
        self, kind: str, equation: Any, tensors: Sequence[Any], read: tuple[int, Shape] | None = None, **facts: Any
    ) -> None:
        """Adds the op that makes the equation's output of `tensors`, or of the one tensor `read`.

        One with several outputs, as a split has, is an op for each: slices of one tensor.
        """
        reads = [read] if read else [(self.tensors[v], v.aval.shape[1:]) for v in tensors]
        largest, inputs = max((shape for _, shape in reads), key=math.prod), tuple(number for number, _ in reads)
        for out in equation.outvars:
            output = len(self.ops) + 1
            self.ops.append(Op(kind, largest, out.aval.shape[1:], inputs, output, **facts))
            self.tensors[out] = output


def _size(variable: Any) -> int:
    return math.prod(variable.aval.shape)


def _is_count(constant: Any) -> bool:
    """Whether a pool's sums may be divided by it: one number, or one for each place."""
    shape = constant.aval.shape
    return _size(constant) == 1 or (len(shape) == 4 and shape[0] == shape[3] == 1)
