"""`nas check` on files of TensorFlow's own making, with and without a compiler."""

import json

import numpy as np
import pytest

from experiments.check_command import NOT_COMPILED, check_file
from experiments.cli import run
from nas.architecture import Architecture
from nas.export.card import Card
from nas.export.metadata import described
from nas.export.tflite import convert
from nas.latency import load_device
from nas.network import initialise
from nas.trace import trace
from search_spaces.zoo import zoo
from tests.nas.export.networks import Layers, calibration, relu6, small_network, with_head
from tests.nas.export.test_compiler import WHOLE, program

CUT = """
input 16x16x3
stem  conv k3 s2 c48 act=hard-swish
stage mbconv k3 s1 e6 c48 act=relu6 x4
head  pool
head  dense c10
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A file that maps whole, with metadata."""
    path = tmp_path_factory.mktemp("check") / "model.tflite"
    path.write_bytes(described(convert(small_network(), (1, 16, 16, 3), "int8", calibration()), Card("small")))
    return path


def test_check_file_that_maps(mapped):
    found = check_file(mapped)
    assert found["edgetpu"] is True
    assert found["operators"] == found["mapped"] == found["before"] > 5
    assert (found["cut"], found["after"]) == ("", 0)
    assert found["weights"]["cached"] > 1000
    assert found["weights"]["streamed"] == 0
    assert 0.1 < found["latency_ms"]["edgetpu-pcie"] < found["latency_ms"]["edgetpu-usb"] < 1
    assert set(found["evidence"].values()) == {"estimate"}
    assert found["compiler"] == {"found": False, "said": NOT_COMPILED}
    assert found["device"]["measured_ms"] is None
    told = {"name": "small", "author": "", "license": "", "labels": 0, "mean": [127.5], "std": [127.5]}
    assert found["metadata"] == told


def test_check_estimates_a_file_as_its_architecture(tmp_path):
    """The file's operators and the trace of the network are two ways to one estimate."""
    architecture = zoo("mobilenet-v1-0.25-128")
    network = initialise(architecture)
    network.eval()
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32)
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(network, (1, 128, 128, 3), "int8", [noise]))
    found = check_file(path)
    device = load_device("edgetpu-usb")
    assert found["latency_ms"]["edgetpu-usb"] == pytest.approx(device.latency(trace(architecture)).ms, rel=0.02)
    assert found["weights"]["cached"] == device.parameter_bytes(trace(architecture))[0]


def test_check_estimates_what_the_host_computes_as_the_architecture_does(tmp_path):
    """Most of the work stays behind the first operator that is not mapped."""
    architecture = Architecture.parse(CUT)
    network = initialise(architecture)
    network.eval()
    path = tmp_path / "cut.tflite"
    path.write_bytes(convert(network, (1, 16, 16, 3), "int8", calibration()))
    expected = load_device("edgetpu-usb").latency(trace(architecture))
    assert expected.parts["host"] > 0.5 * expected.ms
    assert check_file(path)["latency_ms"]["edgetpu-usb"] == pytest.approx(expected.ms, rel=0.02)


def test_check_says_where_the_graph_is_cut_and_what_to_change(tmp_path):
    import jax

    path = tmp_path / "cut.tflite"
    narrow = Layers(3).conv(1, 16, 16)
    path.write_bytes(
        convert(with_head(lambda x: narrow(jax.nn.hard_swish(relu6(narrow(x))))), (1, 16, 16, 3), "int8", calibration())
    )
    found = check_file(path)
    assert found["cut"].startswith("HARD_SWISH, operator 3 of")
    assert (found["before"], found["mapped"], found["after"]) == (2, 2, 0)
    changes = {op["op"]: op["change"] for op in found["ops"] if not op["mapped"]}
    assert "use relu6, or swish" in changes["HARD_SWISH"]
    assert changes["AVERAGE_POOL_2D"] == "change HARD_SWISH before it"
    assert found["latency_ms"]["edgetpu-usb"] > 0


def test_check_puts_the_compilers_verdict_beside_its_own(mapped, tmp_path, monkeypatch, capsys):
    program(tmp_path, WHOLE)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert run(["check", str(mapped), "--json"]) == 0
    compiled = json.loads(capsys.readouterr().out)["compiler"]
    assert (compiled["found"], compiled["mapped"], compiled["version"]) == (True, 30, "16.0.384591198")
    assert compiled["file"] == str(mapped.with_name("model_edgetpu.tflite"))
    assert run(["check", str(mapped)]) == 0
    shown = capsys.readouterr().out
    assert "edgetpu_compiler 16.0.384591198: compiled: 30 of 30 operators mapped, where" in shown


def test_check_without_a_compiler_claims_nothing(mapped, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["check", str(mapped)]) == 0
    shown = capsys.readouterr().out
    assert NOT_COMPILED in shown
    assert "not measured" in shown
