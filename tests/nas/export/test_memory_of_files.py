"""The memory that is told of a network from its trace is that of its exported file."""

import math

from nas.architecture import Architecture
from nas.export.model import parse
from nas.export.tflite import convert
from nas.memory import FORMATS, memory
from nas.network import initialise
from nas.trace import trace

NETWORK = """input 32x32x3
stem  conv k3 s2 c8 act=relu6
stage mbconv k3 s2 e4 c16 se0.25 act=swish x2
stage residual c16
stage fire squeeze=8 c32
head  conv k1 c48 act=relu
head  pool
head  dense c10
"""


def alive_at_most(graph):
    """Elements of the tensors alive at once, the operators run in order."""
    sizes = [0 if tensor.constant else math.prod(tensor.shape) for tensor in graph.tensors]
    last = {number: place for place, operator in enumerate(graph.operators) for number in operator.inputs}
    alive, most = set(graph.inputs), 0
    for place, operator in enumerate(graph.operators):
        alive |= set(operator.outputs)
        most = max(most, sum(sizes[number] for number in alive))
        alive -= {number for number in alive if last.get(number, len(graph.operators)) <= place}
    return most


def test_peak_is_that_of_the_exported_file():
    architecture = Architecture.parse(NETWORK)
    network = initialise(architecture)
    network.eval()
    graph = parse(convert(network, (1, 32, 32, 3), "float32"), "file").main
    assert memory(trace(architecture), FORMATS[0]).peak == 4 * alive_at_most(graph)
