"""The layers with weights of any network, in an order that only its connections decide."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nas.ops import Shape


@dataclass(frozen=True, eq=False)
class Weighted:
    """A layer with weights.

    `shape` is that of its kernel, (height, width, input channels of a group, output
    channels), or (channels,) of a batch norm; `out_shape` what it makes, (height, width,
    channels), with None for what depends on the input's size.
    """

    name: str
    kind: str  # "convolution" or "batch norm"
    shape: Shape
    out_shape: tuple[int | None, ...]
    has_bias: bool = False  # of a convolution

    def __str__(self) -> str:
        bias = " with a bias" if self.has_bias else ""
        return f"{self.name} ({self.kind} {self.shape}{bias} making {self.out_shape})"


L = TypeVar("L", bound=Weighted)


@dataclass(frozen=True)
class Node(Generic[L]):
    """What makes a tensor: the keys of the tensors it reads, and the weighted layers inside, in order."""

    inputs: tuple[Hashable, ...]
    layers: tuple[L, ...] = ()


def in_order(graph: Mapping[Hashable, Node[L]], output: Hashable) -> list[L]:
    """The layers that `output` depends on, each after those that it reads.

    Of several tensors that meet, the one behind more layers comes first, and of equals the
    one that is read first. So it is the same for x + f(x) and f(x) + x.
    """
    depth: dict[Hashable, int] = {}
    for key in _from_the_input(graph, output, lambda node: node.inputs):
        depth[key] = len(graph[key].layers) + max((depth.get(i, 0) for i in graph[key].inputs), default=0)

    def deepest_first(node: Node[L]) -> Sequence[Hashable]:
        return sorted(node.inputs, key=lambda key: -depth.get(key, 0))

    return [layer for key in _from_the_input(graph, output, deepest_first) for layer in graph[key].layers]


def _from_the_input(
    graph: Mapping[Hashable, Node[L]], output: Hashable, inputs_of: Callable[[Node[L]], Sequence[Hashable]]
) -> Iterator[Hashable]:
    """Keys of the graph depth first, each after its inputs. Not recursive: networks are deeper than the stack."""
    done: set[Hashable] = set()
    waiting = [output]
    while waiting:
        key = waiting[-1]
        missing = [i for i in inputs_of(graph[key]) if i in graph and i not in done]
        if missing:
            waiting.append(missing[0])
            continue
        waiting.pop()
        if key not in done:
            done.add(key)
            yield key
