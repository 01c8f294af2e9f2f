"""Where numbers stand in a file, to be changed in their place."""

import numpy as np

from nas.export.flatbuffer import Table
from nas.export.model import Graph, Model


def constant_place(model: Model, number: int) -> int | None:
    """The position of the first byte of a constant."""
    return vector_place(model.buffer_table(number), 0)


def vector_place(table: Table, slot: int) -> int | None:
    """The position of the first element of a vector, or None where the table has none."""
    position = table.find(slot)
    return None if position is None else position + table.source.number(position, "I") + 4


def is_own(graph: Graph, number: int) -> bool:
    """Whether a tensor is a constant of one operator, whose bytes no other tensor shares: it may be changed."""
    tensor = graph.tensors[number]
    if not len(tensor.data):
        return False
    uses = sum(operator.inputs.count(number) for operator in graph.operators)
    return uses == 1 and sum(np.shares_memory(other.data, tensor.data) for other in graph.tensors) == 1
