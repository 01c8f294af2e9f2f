"""Every format but TFLite's: the same numbers as the network, the same bytes again, one line where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.architecture import Architecture
from nas.blocks.activations import ACTIVATIONS
from nas.errors import InputError
from nas.export.card import Card
from nas.export.evaluate import evaluate
from nas.export.folder import size_of, write_folder
from nas.export.formats import FORMATS, Job, export, find_format, format_of
from nas.export.lowering import FIRST, lower
from nas.export.tracing import trace_forward
from nas.network import initialise
from tests.nas.export.networks import SIZE, Layers, as_input, noise, small_network, with_head

ROOT = Path(__file__).parents[3]
SHAPE = (1, SIZE, SIZE, 3)
CARD = Card("small", "a small network", "A. Person", "MIT", tuple("abcdefghij"))
BLOCKS = """
    input 16x16x3
    stem  conv k3 s2 c16 act=hard-swish
    stage shuffle c48 g4 s2
    stage nasnet_a c8 cells=1 stages=1
    stage mbconv k3 s1 e2 c16 se0.25 se_gate=hard-sigmoid act=swish
    head  pool
    head  dense c10
"""


def lowered(forward):
    return lower(trace_forward(forward, SHAPE, mappable=False))


def contents(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in files if file.is_file()}


@pytest.fixture(scope="module")
def blocks():
    """Groups, shuffles, padded pools, slices and gates in one network."""
    network = initialise(Architecture.parse(BLOCKS), seed=0)
    network.eval()
    return network


@pytest.fixture(scope="module")
def job(blocks):
    return Job(blocks, SHAPE, CARD)


@pytest.fixture(scope="module")
def picture():
    return as_input(noise(1))


@pytest.fixture(scope="module")
def expected(blocks, picture):
    return np.asarray(jax.jit(lambda x: blocks(x))(picture))


def test_lowered_network_computes_the_same(blocks, picture, expected):
    plain = lowered(blocks)
    found = jax.jit(lambda x: evaluate(plain, x))(jnp.asarray(picture.transpose(FIRST)))
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_lowered_network_has_its_batch_norms_folded():
    plain = lowered(small_network())
    assert [node.op for node in plain.nodes if node.op in ("mul", "add")] == ["mul", "add"]  # gate and residual
    assert all(len(node.inputs) == 3 for node in plain.nodes if node.op == "conv" and node.shape[1] == 16)


def test_lowered_convolution_that_two_read_is_left_alone():
    """One of them norms it: the other must not see the norm."""
    weights = Layers(1).weights(3, 3, 16, 16)
    scale = jnp.arange(1.0, 17.0).reshape(1, 1, 1, 16)

    def branches(x):
        y = jax.lax.conv_general_dilated(x, weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return y * scale + y

    network, x = with_head(branches), as_input(noise(1))
    found = evaluate(lowered(network), jnp.asarray(x.transpose(FIRST)))
    assert np.abs(found - np.asarray(network(jnp.asarray(x)))).max() < 1e-3


CELL = """
    input 16x16x3
    stem  conv k3 s2 c8
    stage nasbench201 c8 {}
    head  pool
    head  dense c10
"""


def cell_of(edges):
    network = initialise(Architecture.parse(CELL.format(edges)), seed=0)
    network.eval()
    return network


@pytest.mark.parametrize("edges", ["ab=nor_conv_1x1 ac=nor_conv_3x3 ad=skip_connect", "ac=avg_pool_3x3", "bd=none"])
def test_lowered_network_leaves_out_what_nobody_reads(edges):
    """Edges of a cell that lead nowhere."""
    network, x = cell_of(edges), as_input(noise(1))
    plain = lowered(network)
    read = {value for node in plain.nodes for value in node.inputs if isinstance(value, int)}
    assert {node.output for node in plain.nodes} <= {*read, plain.output}
    found = evaluate(plain, jnp.asarray(x.transpose(FIRST)))
    assert np.abs(found - np.asarray(network(jnp.asarray(x)))).max() < 1e-3


def test_lowered_convolution_that_nobody_else_reads_takes_its_norm():
    """Nor does an operation that no format has a form of matter where nobody reads it."""

    def with_unread(x):
        jax.lax.sort(stem(x) + x[..., :1])
        return stem(x)

    stem = Layers(1).conv(3, 16, 16)
    assert [node.op for node in lowered(with_head(with_unread)).nodes] == [
        node.op for node in lowered(with_head(stem)).nodes
    ]


def test_lower_unknown_operation_is_refused():
    with pytest.raises(InputError, match="no form of the operation 'sort'"):
        lowered(with_head(lambda x: jax.lax.sort(x)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_onnx_activation_agrees(name, picture):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    pytest.importorskip("onnx", reason="needs the extra onnx")
    from nas.export.onnx import onnx_bytes

    network = with_head(ACTIVATIONS[name])
    data = onnx_bytes(lowered(network), CARD)
    (found,) = runtime.InferenceSession(data).run(None, {"image": picture})
    assert np.abs(found - np.asarray(network(jnp.asarray(picture)))).max() < 1e-4


def test_onnx_agrees_and_repeats_its_bytes(job, picture, expected, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
    paths = [tmp_path / name for name in ("a.onnx", "b.onnx")]
    for path in paths:
        export(job, "onnx", path)
    session = runtime.InferenceSession(str(paths[0]))
    assert ([each.name for each in session.get_inputs()], session.get_inputs()[0].shape) == (["image"], list(SHAPE))
    (found,) = session.run(["logits"], {"image": picture})
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    said = {each.key: each.value for each in onnx.load(paths[0]).metadata_props}
    assert said["labels"].split() == list(CARD.labels)
    assert (said["author"], said["license"]) == ("A. Person", "MIT")


def test_coreml_reads_back_and_repeats_its_bytes(job, picture, expected, tmp_path):
    pytest.importorskip("coremltools", reason="needs the extra coreml")
    from nas.export.coreml_run import run_coreml

    paths = [tmp_path / name for name in ("a.mlpackage", "b.mlpackage")]
    for path in paths:
        export(job, "coreml", path)
    found = run_coreml(paths[0], picture)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()  # half precision
    assert contents(paths[0]) == contents(paths[1])
    assert b"A. Person" in contents(paths[0])["Data/com.apple.CoreML/model.mlmodel"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # coremltools' folder
def test_coreml_batch_norm_is_computed(tmp_path):
    tools = pytest.importorskip("coremltools", reason="needs the extra coreml")
    from coremltools.converters.mil import Builder

    from nas.export.coreml_run import run_coreml

    generator = np.random.default_rng(0)
    mean, variance, gamma, beta = generator.uniform(0.5, 2, (4, 3)).astype(np.float32)

    @Builder.program(input_specs=[Builder.TensorSpec((1, 3, 4, 4))])
    def program(image):
        return Builder.batch_norm(x=image, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=1e-3)

    precision = tools.precision.FLOAT32
    made = tools.convert(program, convert_to="mlprogram", compute_precision=precision, skip_model_load=True)
    made.save(str(tmp_path / "norm.mlpackage"))
    x = generator.normal(size=(1, 3, 4, 4)).astype(np.float32)
    expected = (x.transpose(0, 2, 3, 1) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    found = run_coreml(tmp_path / "norm.mlpackage", x)
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), expected, rtol=1e-4, atol=1e-5)


def test_savedmodel_agrees(job, picture, expected, tmp_path):
    from nas.export.savedmodel import run_savedmodel

    export(job, "savedmodel", tmp_path / "saved")
    found = run_savedmodel(tmp_path / "saved", picture)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert size_of(tmp_path / "saved") > 10_000
    export(job, "savedmodel", tmp_path / "saved")  # replaces itself


@pytest.mark.parametrize(("name", "package", "extra"), [("onnx", "onnx", "onnx"), ("coreml", "coremltools", "coreml")])
def test_missing_package_names_the_extra_and_leaves_nothing(monkeypatch, tmp_path, name, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"model{FORMATS[name].suffix}"
    with pytest.raises(InputError, match=rf"{package} is not installed.*pip install 'edgescale\[{extra}\]'"):
        export(Job(small_network(), SHAPE, CARD), name, path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "asked", "name"),
    [
        ("model.tflite", None, "int8"),
        ("model.onnx", None, "onnx"),
        ("Model.mlpackage", None, "coreml"),
        ("model", None, "int8"),
        ("model.bin", None, "int8"),
        ("model.tflite", "uint8", "uint8"),
        ("model.bin", "onnx", "onnx"),
        ("saved.v2", "savedmodel", "savedmodel"),
    ],
)
def test_a_name_tells_the_format_where_none_is_given(file, asked, name):
    assert format_of(Path(file), asked).name == name


@pytest.mark.parametrize(
    ("file", "asked", "said"),
    [
        ("m.onnx", "int8", "m.onnx: found the format int8; expected onnx, or a name that ends in .tflite"),
        (
            "m.tflite",
            "onnx",
            "m.tflite: found the format onnx; expected float32, float16, dynamic, int8, uint8, int16x8, ",
        ),
        ("m.tflite", "coreml", "or a name that ends in .mlpackage"),
        ("m.mlpackage", "savedmodel", "expected coreml, or a name that does not end in .mlpackage"),
    ],
)
def test_a_name_of_another_format_is_refused(file, asked, said):
    with pytest.raises(InputError) as caught:
        format_of(Path(file), asked)
    assert said in str(caught.value)


def test_unknown_format_names_the_nearest():
    with pytest.raises(InputError, match="unknown format 'onx'; did you mean 'onnx'"):
        find_format("onx")


@pytest.mark.parametrize("name", ["onnx", "coreml", "savedmodel"])
def test_weights_that_are_not_finite_are_refused_and_leave_nothing(tmp_path, name):
    weights = Layers(0).weights(16, 16).at[3, 4].set(np.nan)
    job = Job(with_head(lambda x: x @ weights), SHAPE, CARD)
    with pytest.raises(InputError, match="1 of 256 weights"):
        export(job, name, tmp_path / f"model{FORMATS[name].suffix}")
    assert not list(tmp_path.iterdir())


def test_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "precious").mkdir()
    with pytest.raises(InputError, match=r"is there already and has no saved_model\.pb"):
        write_folder(tmp_path / "precious", lambda _: None, "saved_model.pb")


def made(folder, content):
    folder.mkdir()
    (folder / "mark").write_text(content)


def test_folder_is_replaced_and_leaves_nothing_beside_it(tmp_path):
    made(tmp_path / "saved", "old")
    write_folder(tmp_path / "saved", lambda folder: made(folder, "new"), "mark")
    assert contents(tmp_path) == {"saved/mark": b"new"}


def test_folder_stays_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    replace = Path.replace

    def failing(path, target):
        if ".part." in path.name:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    made(tmp_path / "saved", "old")
    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(InputError, match=r"saved: cannot be written \(No space left on device\)"):
        write_folder(tmp_path / "saved", lambda folder: made(folder, "new"), "mark")
    assert contents(tmp_path) == {"saved/mark": b"old"}


KILLED = """
import os
from pathlib import Path
from nas.export.folder import write_folder

def fill(folder):
    folder.mkdir()
    (folder / "mark").write_text("new")

replace = Path.replace
Path.replace = lambda path, target: os._exit(9) if ".part." in path.name else replace(path, target)
write_folder(Path("saved").absolute(), fill, "mark")
"""


def test_folder_comes_back_after_a_kill_before_the_new_one_was_there(tmp_path):
    made(tmp_path / "saved", "old")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert killed.returncode == 9
    with pytest.raises(InputError, match="unknown format"):
        write_folder(tmp_path / "saved", lambda _: find_format("none"), "mark")
    assert contents(tmp_path / "saved") == {"mark": b"old"}
