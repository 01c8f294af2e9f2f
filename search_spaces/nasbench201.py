"""Networks of NAS-Bench-201 (arXiv 2001.00326) as architectures of the space of that name."""

import re
from collections.abc import Sequence
from functools import cache

from nas.architecture import Architecture
from nas.blocks.nasbench201 import EDGES, OPERATIONS
from nas.errors import InputError, one_line
from search_spaces.space import SearchSpace, load_space

_NODE = re.compile(r"\|(?:[a-z0-9_]+~\d\|)+")
_EDGE = re.compile(r"([a-z0-9_]+)~(\d)\|")


def from_operations(operations: Sequence[str]) -> Architecture:
    """The network whose cell has these on its edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.

    Raises `InputError` for another number of them, or an operation that the benchmark does not have.
    """
    if len(operations) != len(EDGES):
        raise InputError(f"NAS-Bench-201 cell: found {len(operations)} operations; expected {len(EDGES)}")
    chosen = {f"stage1.{edge}": str(operation) for edge, operation in zip(EDGES, operations, strict=True)}
    return _space().build(chosen)


@cache
def _space() -> SearchSpace:
    return load_space("nasbench201")


def from_string(text: str) -> Architecture:
    """The network that the benchmark writes as '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...~0|...~1|...~2|'."""
    nodes = text.strip().split("+")
    edges = [_EDGE.findall(node) if _NODE.fullmatch(node) else [] for node in nodes]
    if [[int(source) for _, source in node] for node in edges] != [[0], [0, 1], [0, 1, 2]]:
        raise InputError(
            f"NAS-Bench-201 cell: found '{one_line(text[:80])}'; expected as in "
            "'|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|'"
        )
    return from_operations([operation for node in edges for operation, _ in node])


__all__ = ["EDGES", "OPERATIONS", "from_operations", "from_string"]
