"""The same operator in a float file and in an integer file of one network."""

from typing import NamedTuple

from nas.errors import InputError
from nas.export.model import Graph, Operator

_BETWEEN = ("DEQUANTIZE", "QUANTIZE")  # which only one of them has


class Pair(NamedTuple):
    """An operator of the float file and the one of the integer file that does the same."""

    floats: Operator
    integers: Operator


def pairs(floats: Graph, integers: Graph) -> list[Pair]:
    """The operators of both files in the order in which they run.

    Raises `InputError` where they are not of one network.
    """
    both = [[o for o in graph.operators if o.op not in _BETWEEN and o.outputs] for graph in (floats, integers)]
    if _shapes(floats, both[0]) != _shapes(integers, both[1]):
        raise InputError(
            f"quantization: the files have {len(both[0])} and {len(both[1])} operators that differ; "
            "expected a float and an integer file of one network"
        )
    return [Pair(*pair) for pair in zip(*both, strict=True)]


def _shapes(graph: Graph, operators: list[Operator]) -> list[tuple[int, ...]]:
    return [graph.tensors[operator.outputs[0]].shape for operator in operators]
