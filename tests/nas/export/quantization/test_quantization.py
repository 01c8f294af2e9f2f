"""int8 by several methods: ranges, equal channels, biases, and the table of layers."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.errors import InputError
from nas.export.model import Graph, Model, parse
from nas.export.quantization import bias
from nas.export.quantization.equalization import equalized, links
from nas.export.quantization.layers import decibels, layer_errors
from nas.export.quantization.method import NAMES, PLAIN, Method
from nas.export.quantization.ranges import Histogram, ends, error
from nas.export.quantization.recording import Recorder
from nas.export.run import LiteModel
from nas.export.tflite import convert
from tests.nas.export.networks import CLASSES, SIZE, Function, Layers, as_input, noise, pool, with_head

SHAPE = (1, SIZE, SIZE, 3)


def uneven_network() -> Function:
    """Convolutions with relu between them, whose channels differ in size a hundredfold, and a biased classifier."""
    layers = Layers(3)
    stem, middle, dense = layers.conv(3, 3, 16, stride=2), layers.conv(1, 16, 16), layers.conv(1, 16, CLASSES)
    sizes = jnp.asarray(np.geomspace(0.1, 10, 16), jnp.float32)

    def run(x: jax.Array) -> jax.Array:
        x = jax.nn.relu(stem(x) * sizes.reshape(1, 1, 1, -1))
        x = jax.nn.relu(middle(x))
        return dense(pool(x)).reshape(1, -1)

    return run


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [picture[None] for picture in as_input(noise(48, seed=2))]


@pytest.fixture(scope="module")
def made(pictures: list[np.ndarray]) -> Callable[[str], bytes]:
    """The network as a file: "float32", or as int8 by a method. Each is made once."""
    files: dict[str, bytes] = {}

    def make(name: str) -> bytes:
        if name not in files:
            form, method = ("float32", PLAIN) if name == "float32" else ("int8", Method.parse(name))
            files[name] = convert(uneven_network(), SHAPE, form, pictures, method)
        return files[name]

    return make


def outputs(data: bytes) -> np.ndarray:
    graph = parse(data, "file").main
    recorder = Recorder(data, graph)
    seen = as_input(noise(40, seed=5))[:, None]
    return np.concatenate([tensors[graph.outputs[0]] for tensors in recorder.over(seen, graph.outputs)])


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_back(name: str) -> None:
    assert str(Method.parse(name)) == name


@pytest.mark.parametrize("name", ["", "mean", "max+", "max+bias+bias", "max+more"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="quantization: unknown method '"):
        Method.parse(name)


def test_a_file_of_many_small_operations_has_its_ranges_read(pictures: list[np.ndarray]) -> None:
    layers = Layers(4)
    deep = [layers.conv(1, 4, 4) for _ in range(120)]

    def run(x: jax.Array) -> jax.Array:
        for one in deep:
            x = jax.nn.relu(one(x))
        return x

    data = convert(with_head(run, width=4), SHAPE, "int8", pictures[:4], Method.parse("mse"))
    assert len(parse(data, "file").main.tensors) ** 2 > len(data)


def histogram(values: np.ndarray) -> Histogram:
    found = Histogram.empty(float(values.min()), float(values.max()))
    found.add(values.astype(np.float32))
    return found


def test_ranges_leave_out_what_is_rare() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(0, 1, 200_000), [50.0]])
    found = histogram(values)
    assert ends(found, "max") == (0, pytest.approx(50))
    assert ends(found, "percentile") == (0, pytest.approx(1, abs=0.1))
    low, high = ends(found, "mse")
    assert low == 0
    assert 1 <= high < 50
    assert error(found, low, high) < error(found, 0, 50)


def test_ranges_of_even_values_stay_and_hold_0() -> None:
    found = histogram(np.random.default_rng(0).uniform(2, 3, 10_000))
    for kind in ("max", "mse", "percentile"):
        assert ends(found, kind) == (0, pytest.approx(3, abs=0.05))


@pytest.mark.parametrize("method", ["mse+bias", "mse+equal+bias"])
def test_files_compute_what_the_network_does(made: Callable[[str], bytes], method: str) -> None:
    exact, plain, better = (outputs(made(name)) for name in ("float32", "max", method))
    noises = [float(((found - exact) ** 2).sum()) for found in (plain, better)]
    print(
        f"max {decibels((exact**2).sum(), noises[0]):.1f} dB, {method} {decibels((exact**2).sum(), noises[1]):.1f} dB"
    )
    assert noises[1] < noises[0]


def test_biases_take_the_mean_error_out(made: Callable[[str], bytes]) -> None:
    exact = outputs(made("float32"))
    before, after = (np.abs((outputs(made(name)) - exact).mean(0)).mean() for name in ("max", "max+bias"))
    assert after < 0.7 * before
    same = [parse(made(name), "file").main for name in ("max", "max+bias")]
    differing = [
        a.dtype for a, b in zip(*(graph.tensors for graph in same), strict=True) if not np.array_equal(a.data, b.data)
    ]
    assert set(differing) <= {"int32"}


def test_biases_are_corrected_with_each_file_parsed_once(
    made: Callable[[str], bytes], pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed, run = [], []

    def parsing(data: bytes, origin: str) -> Model:
        parsed.append(data)
        return parse(data, origin)

    def recording(data: bytes, graph: Graph) -> Recorder:
        run.append(data)
        return Recorder(data, graph)

    monkeypatch.setattr(bias, "parse", parsing)
    monkeypatch.setattr(bias, "Recorder", recording)
    assert bias.corrected(made("max"), made("float32"), pictures[:2]) != made("max")
    assert parsed == [made("float32"), made("max")]
    assert run.count(made("float32")) == 1
    operators = parse(made("max"), "file").main.operators
    assert len(run) == 1 + sum(operator.op in bias.WEIGHTED for operator in operators) < 1 + len(operators)


def test_equalized_files_compute_the_same(made: Callable[[str], bytes]) -> None:
    data = made("float32")
    graph = parse(data, "file").main
    assert links(graph)
    changed = equalized(data)
    assert changed != data
    np.testing.assert_allclose(outputs(changed), outputs(data), rtol=1e-4, atol=1e-4)

    def unevenness(content: bytes) -> float:
        tensors = parse(content, "file").main.tensors
        largest = [np.abs(tensors[link.first.inputs[1]].values()).max((1, 2, 3)) for link in links(graph)]
        return max(float(values.max() / values.min()) for values in largest)

    assert unevenness(changed) < unevenness(data)


def test_layers_are_the_worst_first(made: Callable[[str], bytes], pictures: list[np.ndarray]) -> None:
    layers = layer_errors(made("float32"), made("max"), pictures[:8])
    assert [layer.snr for layer in layers] == sorted(layer.snr for layer in layers)
    assert {layer.place for layer in layers} == set(range(1, len(layers) + 1))
    assert any(layer.weights_snr for layer in layers)
    assert all(layer.helps == "" for layer in layers if layer.snr > 30)


def test_a_float_file_has_no_errors_against_itself(made: Callable[[str], bytes], pictures: list[np.ndarray]) -> None:
    layers = layer_errors(made("float32"), made("float32"), pictures[:2])
    assert {layer.snr for layer in layers} == {100.0}


def test_files_of_two_networks_are_refused(made: Callable[[str], bytes], pictures: list[np.ndarray], files) -> None:
    with pytest.raises(InputError, match="operators that differ; expected a float and an integer file of one network"):
        layer_errors(made("float32"), files["int8"].read_bytes(), pictures[:1])
    with pytest.raises(InputError, match="found no pictures"):
        layer_errors(made("float32"), made("max"), [])


def silent_network(zero: str) -> Function:
    """A network of which a part is nothing on all pictures: a shut squeeze, a branch of zeros, or a gate of both."""
    layers = Layers(5)
    stem, reduce, gate = layers.conv(3, 3, 16, stride=2), layers.conv(1, 16, 4), layers.conv(1, 4, 16)
    branch, dense = layers.conv(3, 16, 16), layers.conv(1, 16, CLASSES)

    def run(x: jax.Array) -> jax.Array:
        x = jax.nn.relu(stem(x))
        if zero == "squeeze":
            x = x * jax.nn.sigmoid(gate(jax.nn.relu(reduce(pool(x)) - 100)))
        elif zero == "branch":
            x = jax.nn.relu(x + jax.nn.relu(branch(x) - 100))
        else:
            x = x + branch(x * jax.nn.relu(gate(jax.nn.relu(reduce(pool(x)) - 100)) - 100))
        return dense(pool(x)).reshape(1, -1)

    return run


@pytest.mark.parametrize("zero", ["squeeze", "branch", "gate"])
@pytest.mark.parametrize(("format", "method"), [("int8", "max"), ("uint8", "max"), ("int8", "mse+equal+bias")])
def test_a_file_runs_where_a_part_of_the_network_is_silent(
    tmp_path: Path, pictures: list[np.ndarray], zero: str, format: str, method: str
) -> None:
    network = silent_network(zero)
    file = tmp_path / "silent.tflite"
    file.write_bytes(convert(network, SHAPE, format, pictures, Method.parse(method)))
    found = LiteModel(file).predict(noise(40, seed=5))
    expected = np.stack([np.asarray(network(picture[None]))[0] for picture in as_input(noise(40, seed=5))])
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_a_silent_part_cannot_be_had_in_16_bits(pictures: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"an activation is zero on all calibration pictures, .*; expected int8"):
        convert(silent_network("squeeze"), SHAPE, "int16x8", pictures)
