"""Conversion: the same numbers, the right ops and versions, the right refusals."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from nas.architecture import Architecture
from nas.blocks.layers import WIDEST_DEPTHWISE
from nas.errors import InputError
from nas.export import tflite
from nas.export.edgetpu import judge
from nas.export.model import parse, read
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.network import initialise
from tests.nas.export.networks import (
    CLASSES,
    SIZE,
    Layers,
    as_input,
    calibration,
    int8,
    noise,
    relu6,
    small_network,
    with_head,
)

SHAPE = (1, SIZE, SIZE, 3)


def ops(data):
    return [(operator.op, operator.version) for operator in parse(data, "test").main.operators]


def operators(path, op):
    return [operator for operator in read(path).main.operators if operator.op == op]


@pytest.mark.parametrize(
    ("format", "tolerance"),
    [("float32", 1e-4), ("float16", 2e-2), ("dynamic", 0.2), ("int8", 0.35), ("uint8", 0.35), ("int16x8", 0.1)],
)
def test_convert_outputs_agree_with_jax(files, logits, format, tolerance):
    outputs = LiteModel(files[format], trusted=True).predict(noise(60))
    assert np.abs(outputs - logits).max() < tolerance
    assert (outputs.argmax(1) == logits.argmax(1)).mean() > 0.9


def test_convert_int8_is_integer_throughout_and_known_to_be_accepted(files):
    model = read(files["int8"])
    assert {tensor.dtype for tensor in model.main.tensors} == {"int8", "int32"}
    assert {(operator.op, operator.version) for operator in model.main.operators} == {
        ("CONV_2D", 3),
        ("DEPTHWISE_CONV_2D", 3),
        ("AVERAGE_POOL_2D", 2),
        ("LOGISTIC", 2),
        ("MUL", 2),
        ("ADD", 2),
        ("RESHAPE", 1),
    }


def test_convert_int8_weights_are_per_channel(files):
    graph = read(files["int8"]).main
    stem = graph.tensors[graph.operators[0].inputs[1]]
    assert len(stem.scales) == 16


def test_convert_int8_input_takes_a_pixel_as_one_step(files):
    graph = read(files["int8"]).main
    image = graph.tensors[graph.inputs[0]]
    assert image.scales == (np.float32(2 / 255),)
    assert image.zero_points == (-1,)


def test_convert_uint8_is_int8_behind_shifted_ends(files):
    graph = read(files["uint8"]).main
    assert [graph.tensors[number].dtype for number in (*graph.inputs, *graph.outputs)] == ["uint8", "uint8"]
    assert judge(read(files["uint8"])).edgetpu
    pixels = noise(8)
    assert np.array_equal(*(LiteModel(files[name], trusted=True).predict(pixels) for name in ("int8", "uint8")))


def test_convert_float16_stores_weights_in_half_the_bytes(files):
    constants = {
        name: [tensor for tensor in read(files[name]).main.tensors if tensor.constant and tensor.dtype == name]
        for name in ("float32", "float16")
    }
    halves, wholes = (sum(len(tensor.data) for tensor in constants[name]) for name in ("float16", "float32"))
    assert halves == wholes / 2


@pytest.mark.parametrize("format", ["float32", "int8", "uint8", "int16x8"])
def test_convert_same_network_gives_same_bytes(files, format):
    again = convert(small_network(), SHAPE, format, calibration())
    assert again == files[format].read_bytes()


def test_convert_leaves_standard_error_empty(capfd):
    convert(small_network(seed=3), SHAPE, "int8", calibration())
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_convert_grey_stem_is_a_plain_convolution():
    data = int8(small_network(channels=1), channels=1)
    assert ops(data)[0] == ("CONV_2D", 3)
    assert judge(parse(data, "test")).edgetpu


def test_convert_dense_of_kept_dimensions_gets_an_accepted_version():
    weights = Layers(5).weights(16, CLASSES)
    data = int8(with_head(relu6, head=lambda x: x.mean((1, 2)) @ weights))
    assert ("FULLY_CONNECTED", 4) in ops(data)


def test_convert_network_of_blocks(tmp_path):
    text = """
        input 16x16x3
        stem  conv k3 s2 c16 act=relu6
        stage mbconv k3 s1 e2 c16 se0.25 act=relu6
        stage fused_mbconv k3 s2 e2 c24 act=relu x2
        head  conv k1 c32 act=relu6
        head  pool
        head  dense c10
    """
    network = initialise(Architecture.parse(text), seed=0)
    network.eval()
    path = tmp_path / "network.tflite"
    pixels = noise(8)
    expected = np.concatenate([np.asarray(network(jnp.asarray(picture[None]))) for picture in as_input(pixels)])
    path.write_bytes(convert(network, SHAPE, "float32"))
    assert np.abs(LiteModel(path, trusted=True).predict(pixels) - expected).max() < 1e-4
    path.write_bytes(convert(network, SHAPE, "int8", calibration()))
    assert judge(read(path)).edgetpu
    assert np.abs(LiteModel(path, trusted=True).predict(pixels) - expected).max() < 0.1 * np.abs(expected).max()


def test_convert_wide_depthwise_convolution_is_in_parts_that_tflite_computes(tmp_path):
    text = f"""
        input 16x16x3
        stem  conv k3 s8 c{WIDEST_DEPTHWISE + 9} act=relu6
        stage separable k3 s1 c8 act=relu6
        head  pool
        head  dense c10
    """
    network = initialise(Architecture.parse(text), seed=0)
    network.eval()
    path, pixels = tmp_path / "network.tflite", noise(8)
    expected = np.concatenate([np.asarray(network(jnp.asarray(picture[None]))) for picture in as_input(pixels)])
    for form, tolerance in (("float32", 1e-5), ("int8", 0.1)):  # whose calibration once never ended
        path.write_bytes(convert(network, SHAPE, form, calibration()))
        widths = [read(path).main.tensors[o.outputs[0]].shape[-1] for o in operators(path, "DEPTHWISE_CONV_2D")]
        assert widths == [2421, 2420]
        found = LiteModel(path, trusted=True).predict(pixels)
        assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()
    assert judge(read(path)).edgetpu


def test_convert_network_trained_further_has_the_new_weights():
    text = "input 16x16x3\nstem conv k3 s2 c8\nhead pool\nhead dense c10\n"
    network = initialise(Architecture.parse(text), seed=0)
    network.eval()
    before = convert(network, SHAPE, "float32")
    dense = network.head2.block1.conv
    dense.bias[...] = dense.bias[...] + 1
    assert convert(network, SHAPE, "float32") != before


def test_convert_unknown_format_names_the_nearest():
    with pytest.raises(InputError, match="unknown format 'int9'; did you mean 'int8'"):
        convert(small_network(), SHAPE, "int9")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("nested", [False, True])
def test_convert_weights_that_are_not_finite_are_refused(value, nested):
    weights = Layers(0).weights(SIZE * SIZE * 3, CLASSES).at[3, 4].set(value)

    def run(x):
        return x.reshape(1, -1) @ weights

    with pytest.raises(InputError, match=r"1 of 7680 weights .* are NaN or infinite"):
        convert(jax.jit(run) if nested else run, SHAPE, "float32")


def test_convert_infinity_that_is_no_weight_is_allowed():
    def max_pool(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    assert ("MAX_POOL_2D", 2) in ops(int8(with_head(max_pool)))


def test_convert_int8_of_infinite_padding_is_refused():
    def max_pool(x):
        padding = ((0, 0), (1, 1), (1, 1), (0, 0))
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), padding)

    with pytest.raises(InputError, match="or a max pool that is padded with -infinity"):
        int8(with_head(max_pool))


def test_convert_output_that_is_no_logits_is_refused():
    with pytest.raises(InputError, match=r"gives float32\[1, 16, 16, 3\]; expected float32 logits"):
        convert(lambda x: x * 2, SHAPE, "float32")


def test_convert_batch_other_than_one_is_refused():
    with pytest.raises(InputError, match=r"input shape is \(4, 16, 16, 3\)"):
        convert(small_network(), (4, SIZE, SIZE, 3), "float32")


def test_convert_what_tflite_cannot_write_is_one_line():
    def spectrum(x):
        return jnp.linalg.eigvalsh(x[:, :, :, 0])[:, :CLASSES]

    with pytest.raises(InputError, match="TensorFlow cannot write this network as float32: ") as caught:
        convert(spectrum, SHAPE, "float32")
    assert "\n" not in str(caught.value)


def test_convert_without_tensorflow_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match=r"pip install 'edgescale\[export\]'"):
        tflite.convert(small_network(), SHAPE, "float32")


def test_tensorflow_is_imported_by_conversion_alone():
    modules = ["calibration", "compare", "edgetpu", "predict", "run", "tflite", "versions"]
    code = "; ".join(f"import nas.export.{module}" for module in modules)
    code += "; import sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
