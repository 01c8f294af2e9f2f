"""The reader: right about good files, calm about bad ones."""

import random
import resource
import struct
import time

import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from jax import lax

from nas.errors import InputError
from nas.export.card import Card
from nas.export.edgetpu import judge
from nas.export.file_trace import trace_file
from nas.export.metadata import described
from nas.export.model import IDENTIFIER, parse, read
from nas.export.quiet import quiet
from nas.export.tflite import convert
from nas.latency import load_device


def test_read_agrees_with_the_runtime(files):
    graph = read(files["int8"]).main
    with quiet():
        interpreter = Interpreter(str(files["int8"]))
        interpreter.allocate_tensors()
    for details in interpreter.get_tensor_details():
        if details["index"] >= len(graph.tensors):
            continue  # made by the runtime for its own use
        tensor = graph.tensors[details["index"]]
        assert tensor.name == details["name"]
        assert tensor.shape == tuple(details["shape"])
        assert np.dtype(tensor.dtype) == details["dtype"]
        assert np.array_equal(tensor.scales, details["quantization_parameters"]["scales"])
        assert np.array_equal(tensor.zero_points, details["quantization_parameters"]["zero_points"])
    assert [details["index"] for details in interpreter.get_input_details()] == list(graph.inputs)
    assert [details["index"] for details in interpreter.get_output_details()] == list(graph.outputs)


def test_read_constants_hold_the_weights(files):
    graph = read(files["float32"]).main
    weights = graph.tensors[graph.operators[0].inputs[1]]
    assert weights.constant
    assert weights.values().shape == (16, 3, 3, 3)
    assert 0.05 < weights.values().std() < 1


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x00" * 64, b"PK\x03\x04" + b"x" * 100])
def test_read_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.tflite: is no TFLite model"):
        read(path)


def test_read_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_parse_truncated_file_is_refused(files, share):
    data = files["int8"].read_bytes()
    with pytest.raises(InputError, match=r"cut\.tflite: is "):
        parse(data[: max(8, int(share * len(data)))], "cut.tflite")


def mutated(data, generator):
    changed = bytearray(data)
    for _ in range(generator.choice([1, 4, 32])):
        place = generator.randrange(8, len(changed))
        new = generator.choice([generator.randbytes(1), b"\xff\xff\xff\xff", b"\0\0\0\0", generator.randbytes(4)])
        changed[place : place + len(new)] = new
    return bytes(changed)


def refusal(data, estimates=True):
    """Why a file is refused, or '' where it is read and judged."""
    try:
        model = parse(data, "mutated")
        judge(model)
        if estimates and (trace := trace_file(model)) is not None:
            load_device("edgetpu-usb").latency(trace)
    except InputError as error:
        return str(error)
    return ""


def small_files():
    """Three small files with metadata and labels: of float, of integers, and of what TensorFlow puts between."""
    weights = np.random.default_rng(0).normal(size=(8, 8, 3, 10)).astype(np.float32)

    def network(x):
        y = lax.conv_general_dilated(x, weights, (8, 8), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jnp.clip(y, 0, 6).reshape(1, -1)

    pictures = [np.random.default_rng(seed).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32) for seed in range(4)]
    for format in ("float32", "int8", "dynamic"):
        yield described(convert(network, (1, 8, 8, 3), format, pictures), Card("small", labels=tuple("abcdefghij")))


def test_parse_ten_thousand_mutated_files_are_read_or_refused_in_bounded_memory():
    generator = random.Random(0)
    files = list(small_files())
    for data in files:
        assert refusal(data) == ""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusals = [refusal(mutated(data, generator), number % 10 == 0) for number in range(3334) for data in files]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert 1000 < sum(map(bool, refusals)) < len(refusals)
    assert all(message.isprintable() for message in refusals)
    assert grown < 64 * 1024  # KiB


def test_parse_operators_that_share_one_vector_endlessly_are_refused():
    """Each of 50,000 operators has the same 50,000 inputs: small to write, endless to read."""
    count = 50_000
    root, graphs, graph, codes, code, operators, operator, inputs = 24, 64, 96, 104, 112, 116, 200_136, 200_148
    content = bytearray(inputs + 4 + 4 * count)

    def put(form, place, *values):
        struct.pack_into(form, content, place, *values)

    def point(place, target):
        put("<I", place, target - place)

    put("<I4s", 0, root, IDENTIFIER)
    put("<5H", 8, 10, 12, 0, 4, 8)  # layout of the root: operator codes, graphs
    put("<i", root, root - 8)
    point(root + 4, codes)
    point(root + 8, graphs)
    put("<6H", 40, 12, 8, 0, 0, 0, 4)  # layout of the graph: operators
    put("<2H", 88, 4, 4)  # layout of the operator code: nothing
    put("<i", code, code - 88)
    put("<I", codes, 1)
    point(codes + 4, code)
    put("<I", graphs, 1)
    point(graphs + 4, graph)
    put("<i", graph, graph - 40)
    point(graph + 4, operators)
    put("<4H", 80, 8, 8, 0, 4)  # layout of the operator: inputs
    put("<I", operators, count)
    for number in range(count):
        point(operators + 4 + 4 * number, operator)
    put("<i", operator, operator - 80)
    point(operator + 4, inputs)
    put("<I", inputs, count)
    begin = time.perf_counter()
    with pytest.raises(InputError, match="claim more entries than the file has bytes"):
        parse(bytes(content), "endless")
    assert time.perf_counter() - begin < 10
