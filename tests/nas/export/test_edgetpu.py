"""The Edge TPU's table, on our files and on what TensorFlow writes by itself."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from nas.errors import InputError
from nas.export.edgetpu import BASIS, check, judge
from nas.export.facts import judge_version, known_versions, supported_ops
from nas.export.model import parse, read
from nas.export.restrictions import Use, violation
from tests.nas.export.networks import Layers, int8, relu6, with_head


def verdicts(data):
    return {(op.op, op.mapped): op for op in judge(parse(data, "test")).ops}


def test_check_int8_network_maps_whole(files):
    verdict = check(files["int8"])
    assert verdict.edgetpu
    assert all(op.mapped for op in verdict.ops)
    assert verdict.mapped == sum(op.count for op in verdict.ops)
    assert verdict.cut == ""
    assert "nothing was compiled" in verdict.basis == BASIS


def test_check_every_reason_names_its_source(files):
    for path in files.values():
        for op in check(path).ops:
            assert "op table" in op.reason or "(" in op.reason


def test_check_version_without_compiled_model_is_called_unverified(files):
    by_name = {op.op: op for op in check(files["int8"]).ops}
    assert "version 2 is unverified" in by_name["MUL"].reason
    assert "WongKinYiu/yolov7#1672" in by_name["MUL"].reason
    assert "unverified" not in by_name["CONV_2D"].reason
    assert "mobilenet_edgetpu_0.75_224_post_training_quant.tflite" in by_name["CONV_2D"].reason


@pytest.mark.parametrize("format", ["float32", "float16"])
def test_check_float_file_maps_nothing(files, format):
    verdict = check(files[format])
    assert not verdict.edgetpu
    assert verdict.mapped == 0
    assert any("works on float32; expected int8 or uint8" in op.reason for op in verdict.ops)


def test_check_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.tflite: cannot be read"):
        check(tmp_path / "none.tflite")


def test_judge_unmapped_op_cuts_off_what_follows():
    verdict = judge(parse(int8(with_head(jax.nn.hard_swish)), "test"))
    assert not verdict.edgetpu
    assert [(op.op, op.mapped) for op in verdict.ops] == [
        ("CONV_2D", True),
        ("HARD_SWISH", False),
        ("AVERAGE_POOL_2D", False),
        ("CONV_2D", False),
        ("RESHAPE", False),
    ]
    assert verdict.cut == "HARD_SWISH, operator 2 of 5"
    assert "comes after HARD_SWISH, operator 2" in verdict.ops[2].reason


def test_judge_branch_beside_an_unmapped_op_is_not_cut():
    """Only what needs the result of the op on the CPU follows it there."""
    narrow = Layers(3).conv(1, 16, 16)
    branches = verdicts(int8(with_head(lambda x: relu6(narrow(x)) + jax.nn.hard_swish(x))))
    assert branches["CONV_2D", True].count == 2
    assert not branches["HARD_SWISH", False].mapped
    assert not branches["ADD", False].mapped


def test_judge_refused_version_refuses_the_file():
    grouped = Layers(4).conv(3, 16, 16, groups=4)
    verdict = judge(parse(int8(with_head(grouped)), "test"))
    assert not any(op.mapped for op in verdict.ops)
    assert verdict.ops[0].version == 6
    assert "google-coral/edgetpu#631" in verdict.ops[0].reason
    assert "refuses the whole file: CONV_2D version 6" in verdict.ops[1].reason


def test_judge_dilation_maps_where_equal():
    assert judge(parse(int8(with_head(Layers(5).conv(3, 16, 16, dilation=2))), "test")).edgetpu


def test_check_tensorflow_mean_over_picture_and_channels(tensorflow_file):
    path = tensorflow_file("mean", lambda tf, x: tf.reduce_mean(x, [1, 2]), (1, 8, 8, 3))
    found = {op.op: op for op in check(path).ops}["MEAN"]
    assert (found.version, found.mapped) == (2, False)
    assert "version 2 is unverified, and newer than 1" in found.reason


@pytest.mark.parametrize(
    ("name", "function", "shape", "op", "reason"),
    [
        ("leaky", lambda tf, x: tf.nn.leaky_relu(x), (1, 8, 8, 4), "LEAKY_RELU", "not in the table; replace by PRELU"),
        ("batch", lambda tf, x: tf.nn.relu6(x), (4, 8, 8, 3), "RELU6", "only the 3 innermost dimensions may exceed 1"),
        ("open", lambda tf, x: tf.nn.relu6(x), (None, 8, 8, 3), "RELU6", "has a dimension that is not fixed"),
        ("sin", lambda tf, x: tf.sin(x), (1, 8), "SIN", "reported unsupported"),
        ("wide", lambda tf, x: tf.nn.softmax(x), (1, 4, 8), "SOFTMAX", "has an input of shape"),
        (
            "strided",
            lambda tf, x: tf.strided_slice(x, [0, 0, 0, 0], [1, 8, 8, 4], [1, 2, 2, 1]),
            (1, 8, 8, 4),
            "STRIDED_SLICE",
            "expected 1 throughout",
        ),
        ("pad", lambda tf, x: tf.pad(x, [[1, 0], [0, 0], [0, 0], [0, 0]]), (1, 8, 8, 3), "PAD", "pads the batch"),
        ("sum", lambda tf, x: tf.reduce_sum(x, [0]), (1, 8, 8, 3), "SUM", "reduces over the batch"),
    ],
)
def test_check_tensorflow_op_that_stays_on_the_cpu(tensorflow_file, name, function, shape, op, reason):
    verdict = check(tensorflow_file(name, function, shape, quantize=name != "sin"))  # no int8 form of it exists
    found = next(each for each in verdict.ops if each.op == op)
    assert not found.mapped
    assert not verdict.edgetpu
    assert reason in found.reason


def test_check_tensorflow_weights_that_are_computed(tensorflow_file):
    path = tensorflow_file("matmul", lambda tf, x, w: tf.nn.conv2d(x, w, 1, "SAME"), (1, 8, 8, 4), (1, 1, 4, 8))
    found = next(op for op in check(path).ops if op.op == "CONV_2D")
    assert "expected constants" in found.reason


def test_check_tensorflow_float_ends_do_not_cut(tensorflow_file):
    """A quantized network between float ends: only the ends stay on the CPU."""
    weights = np.random.default_rng(0).normal(size=(3, 3, 3, 8)).astype(np.float32)
    path = tensorflow_file(
        "ends", lambda tf, x: tf.nn.relu6(tf.nn.conv2d(x, weights, 1, "SAME")), (1, 8, 8, 3), ends="float32"
    )
    assert [(op.op, op.mapped) for op in check(path).ops] == [
        ("QUANTIZE", False),
        ("CONV_2D", True),
        ("DEQUANTIZE", False),
    ]


@pytest.mark.parametrize(
    ("op", "options", "reason"),
    [
        ("AVERAGE_POOL_2D", {5: b"\3"}, "has a fused activation"),
        ("CONV_2D", {4: b"\2\0\0\0", 5: b"\1\0\0\0"}, "has dilation 1x2; expected the same in x and y"),
        ("DEPTHWISE_CONV_2D", {5: b"\2\0\0\0"}, "has dilation 1x2"),
    ],
)
def test_violation_of_options_that_no_converter_writes(files, op, options, reason):
    graph = read(files["int8"]).main
    operator = next(each for each in graph.operators if each.op == op)
    assert violation(Use.of(operator, graph)) == ""
    changed = replace(operator, options={**operator.options, **options})
    assert reason in violation(Use.of(changed, graph))


@pytest.mark.parametrize(
    ("op", "version", "taken", "reason"),
    [
        ("CONV_2D", 3, True, "version 3 is in a compiled model"),
        ("CONV_2D", 2, True, "version 2 is older than 3"),
        ("CONV_2D", 4, False, "version 4 is unverified, and newer than 3"),
        ("CONV_2D", 6, False, "version 6 stops compiler 16.0"),
        ("CONV_2D", 7, False, "version 7 is newer than 6, which stops compiler 16.0"),
        ("RESIZE_BILINEAR", 3, True, "version 3 is in a compiled model"),  # refused by an older compiler only
        ("RELU", 1, True, "version 1 is unverified"),
        ("RELU", 2, False, "version 2 stops compiler 2.0"),
        ("TRANSPOSE_CONV", 3, True, "google-coral/edgetpu#845"),
        ("TRANSPOSE_CONV", 4, False, "google-coral/edgetpu#845"),
        ("TANH", 2, True, "version 2 is unverified: no compiled model and no refusal is known"),
    ],
)
def test_judge_version(op, version, taken, reason):
    verdict = judge_version(op, version)
    assert verdict.taken is taken
    assert reason in verdict.reason


def test_facts_hold_every_row():
    assert len(supported_ops()) == 51
    assert sum(not op.mapped for op in supported_ops().values()) == 11
    assert sum(len(known.accepted) for known in known_versions().values()) == 25
    assert sum(len(known.refused) for known in known_versions().values()) == 8
    assert all(op.source for op in supported_ops().values())


def test_judge_depth_multiplier_is_called_unverified():
    """A grey picture's stem is written as CONV_2D; a multiplier deeper in stays depthwise."""
    doubled = Layers(6).conv(3, 16, 32, groups=16)
    narrow = Layers(6).conv(1, 32, 16)
    found = verdicts(int8(with_head(lambda x: narrow(relu6(doubled(x))))))["DEPTHWISE_CONV_2D", True]
    assert "depth multiplier 2 is unverified" in found.reason
