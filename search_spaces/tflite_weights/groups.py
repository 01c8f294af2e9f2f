"""Convolutions in groups, which many converters write as one for each share of the channels, joined afterwards."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nas.export.constants import Constants
from nas.export.model import Graph, Operator
from search_spaces.keras_weights.graph import Node
from search_spaces.tflite_weights.layers import CONVOLUTION, FileLayer

_DEEPEST = 100  # convolutions in groups that follow each other with nothing between: more are no network
_LAST = (3, -1)  # the axis of channels


class _Share(NamedTuple):
    """Channels `first` up to `end` of a tensor."""

    of: int
    first: int
    end: int


@dataclass(frozen=True)
class Groups:
    """Finds what belongs together, once `nodes` has the parts."""

    graph: Graph
    constants: Constants
    nodes: dict[Hashable, Node[FileLayer]]
    made_by: dict[Hashable, Operator]

    def joined(self, operator: Operator) -> Hashable | None:
        """The key of a node that is one convolution for all that `operator` joins; None where it joins other things."""
        if operator.op != "CONCATENATION" or operator.option(0, "i") not in _LAST or len(operator.inputs) < 2:
            return None
        return self._convolution(operator.inputs)

    def _convolution(self, parts: tuple[Hashable, ...], depth: int = 0) -> Hashable | None:
        """The same for tensors that each are a convolution of a share; adds the node."""
        if parts in self.nodes:
            return parts
        found = [self.nodes.get(part) for part in parts]
        nodes = [node for node in found if node is not None and len(node.layers) == len(node.inputs) == 1]
        layers = [node.layers[0] for node in nodes]
        if len(nodes) < len(parts) or not _alike(layers) or depth > _DEEPEST:
            return None
        source = self._source(tuple(node.inputs[0] for node in nodes), depth)
        if source is None:
            return None
        self.nodes[parts] = Node((source,), (_one(layers),))
        return parts

    def _source(self, reads: tuple[Hashable, ...], depth: int) -> Hashable | None:
        """What the shares are of: a tensor, or what was in groups before and goes on so without being joined."""
        found = [self._share(number) for number in reads]
        shares = [share for share in found if share is not None]
        if len(shares) < len(reads):
            return self._convolution(reads, depth + 1)
        whole = shares[0].first == 0 and shares[-1].end == self._channels(shares[0].of)
        follow = all(a.of == b.of and a.end == b.first for a, b in pairwise(shares))
        return shares[0].of if whole and follow else None

    def _share(self, number: Hashable) -> _Share | None:
        operator = self.made_by.get(number)
        if operator is None or operator.op not in ("SLICE", "SPLIT") or not isinstance(number, int):
            return None
        sliced = operator.op == "SLICE"
        first = self._sliced_at(operator) if sliced else self._split_at(operator, number)
        if first is None:
            return None
        return _Share(operator.inputs[0 if sliced else 1], first, first + self._channels(number))

    def _channels(self, number: int) -> int:
        return (self.graph.tensors[number].shape or (1,))[-1]

    def _sliced_at(self, operator: Operator) -> int | None:
        begin = self.constants.whole(operator.inputs[1])
        shapes = (self.graph.tensors[number].shape[:-1] for number in (operator.inputs[0], operator.outputs[0]))
        if begin is None or begin.shape != (4,) or begin[:-1].any() or len(set(shapes)) > 1:
            return None
        return int(begin[-1])

    def _split_at(self, operator: Operator, number: int) -> int | None:
        axis = self.constants.whole(operator.inputs[0])
        if axis is None or axis.size != 1 or int(axis.reshape(())) not in _LAST:
            return None
        before = operator.outputs[: operator.outputs.index(number)]
        return sum(map(self._channels, before))


def _alike(layers: Sequence[FileLayer]) -> bool:
    kinds = {(layer.kind, layer.shape, layer.out_shape, layer.window, layer.activation) for layer in layers}
    return len(kinds) == 1 and layers[0].kind == CONVOLUTION


def _one(layers: Sequence[FileLayer]) -> FileLayer:
    """The convolution whose groups the layers are."""
    kernel = np.concatenate([layer.kernel for layer in layers], -1)
    out = layers[0].out_shape
    return replace(
        layers[0],
        shape=kernel.shape,
        out_shape=(*out[:-1], kernel.shape[-1]),
        has_bias=any(layer.has_bias for layer in layers),
        kernel=kernel,
        bias=np.concatenate([layer.bias for layer in layers]),
        open=False,
    )
