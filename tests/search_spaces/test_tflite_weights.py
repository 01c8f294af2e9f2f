"""Weights of TFLite files made elsewhere, in every form in which they are stored."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.blocks.layers import BatchNorm, Conv
from nas.errors import InputError
from nas.export.model import parse, read
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.network import Network, initialise
from search_spaces.tflite_weights import Imported, import_tflite
from search_spaces.tflite_weights.file_layers import file_layers
from search_spaces.tflite_weights.preparation import prepared
from search_spaces.tflite_weights.statistics import take_statistics
from search_spaces.zoo import zoo
from tests.search_spaces.foreign_files import by_tensorflow, converted, of_2018

SIZE, CLASSES, NAME = 32, 11, "mobilenet-v1-0.25-128"
FORMS = {"float32": 1e-3, "float16": 2e-2, "dynamic": 0.3, "int8": 0.3, "uint8": 0.3}  # largest difference

# What meets in sums and concatenations, gates, norms that no convolution comes before, an input that is prepared.
BRANCHES = """
input 16x16x3
prepare normalise mean=0.485,0.456,0.406 std=0.229,0.224,0.225
stem  conv k3 s2 c8 act=relu6
stage mbconv k3 s1 e2 c8 se0.25 act=hard-swish
stage bottleneck k3 s2 e4 c16 act=relu
stage preact_residual k3 s1 c16 act=relu
stage dense_layer growth=8 act=relu
head  pool
head  dense c5
"""

# Groups alone, two in a row with nothing between, with a shuffle between, and what is joined for a sum.
GROUPS = """
input 16x16x3
stem  conv k3 s2 c12 act=relu6
stage conv k3 s1 c12 groups=3 act=relu6
stage shuffle k3 s1 c12 groups=3 expansion=1
head  conv k1 c12 groups=2
head  pool
head  dense c5
"""

# A norm that is folded into a convolution, and one that is not.
NORMS = """
input 16x16x3
stem  conv k3 s2 c8 act=relu6
stage preact_residual k3 s1 c8 act=relu
head  pool
head  dense c5
"""
GROUPED = """
input 16x16x3
stem  conv k3 s2 c8 norm=bias act=relu6
stage conv k3 s1 c12 groups=4 norm=bias act=relu6
head  pool
head  dense c5
"""


def pictures(count: int, size: int, seed: int) -> np.ndarray:
    """Patches of colour, (count, size, size, 3) uint8, the darkest and the brightest pixel among them."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), np.uint8)
    small[0, 0, 0], small[0, 3, 3] = 0, 255
    return small.repeat(size // 4, 1).repeat(size // 4, 2)


def keras_mobilenet() -> Any:
    """A quarter of MobileNet v1 with a background class: a 1x1 convolution as classifier, then softmax.

    Its activations are mostly between the ends of relu6, so that small errors stay small on their way.
    """
    keras.utils.set_random_seed(3)
    model = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
        layer.beta.assign(np.random.default_rng(5).uniform(1, 2, layer.beta.shape))
    model(pictures(32, SIZE, 1) / np.float32(127.5) - 1, training=True)  # leaves the statistics of its batch
    kernel = model.get_layer("conv_preds").kernel
    kernel.assign(2 * kernel)
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One Keras model in every form."""
    folder, model = tmp_path_factory.mktemp("foreign"), keras_mobilenet()
    seen = pictures(32, SIZE, 1) / np.float32(127.5) - 1
    paths = {form: folder / f"{form}.tflite" for form in FORMS}
    for form, path in paths.items():
        data = converted(model, "tensor" if form == "uint8" else form, seen)
        path.write_bytes(of_2018(data) if form == "uint8" else data)
    return paths


@pytest.fixture(scope="module")
def imported_as(files: dict[str, Path]) -> Callable[..., Imported]:
    """Imports one of the files as an architecture."""

    def run(form: str, architecture: Architecture) -> Imported:
        model = LiteModel(files[form], trusted=True)
        return import_tflite(read(files[form]), architecture, model.reads, form)

    return run


@nnx.jit
def _run(network: Network, x: Any) -> Any:
    return network(x)


def outputs(network: Network, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(_run(network, jnp.asarray(pixels / np.float32(127.5) - 1)))


@pytest.mark.parametrize("form", FORMS)
def test_outputs_are_those_of_the_file(files: dict[str, Path], imported_as: Callable[..., Imported], form: str) -> None:
    network, architecture = imported_as(form, zoo(NAME))
    assert (architecture.resolution, architecture.classes) == (SIZE, CLASSES)
    pixels = pictures(48, SIZE, 2)
    theirs = LiteModel(files[form], trusted=True).predict(pixels)
    ours = np.asarray(nnx.softmax(jnp.asarray(outputs(network, pixels))))
    assert theirs.std(0).max() > 0.05, "the outputs hardly depend on the pictures"
    difference = np.abs(ours - theirs).max()
    agreement = (ours.argmax(1) == theirs.argmax(1)).mean()
    print(f"{form}: largest difference {difference:.2g}, agreement {agreement:.1%}")
    assert difference < FORMS[form]
    assert agreement >= (1 if form.startswith("float") else 0.85)


def test_the_file_of_2018_is_one(files: dict[str, Path]) -> None:
    graph = read(files["uint8"]).main
    assert {operator.version for operator in graph.operators} == {1}
    assert {tensor.dtype for tensor in graph.tensors} <= {"uint8", "int32"}
    zeros = {tensor.zero_points for tensor in graph.tensors if len(tensor.shape) == 4 and tensor.constant}
    assert len(zeros) > 10, "weights have zero points of their own"
    assert graph.operators[-1].op == "SOFTMAX"


def test_quantized_weights_are_those_of_the_float_file_within_a_step(imported_as: Callable[..., Imported]) -> None:
    exact, quantized = (imported_as(form, zoo(NAME)).network for form in ("float32", "uint8"))
    one, other = (np.asarray(network.stage7.block1.project.conv.kernel[...]) for network in (exact, quantized))
    step = (one.max() - one.min()) / 255
    assert 0 < np.abs(one - other).max() < 1.1 * step


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("c8 act", "c16 act", 1), r"layer 1 of 28: found \S+ \(convolution \(3, 3, 3, 8\)"),
        (
            lambda text: text.replace("c32 act=relu6", "c32 act=relu", 1),
            r"layer 4 of 28: found \S+ with the activation relu6; expected relu, as stage2\.block1\.depthwise",
        ),
        (lambda text: text.replace("s2 c8", "s1 c8", 1), r"making \(16, 16, 8\)\); expected as .* \(32, 32, 8\)\)"),
        (
            lambda text: text.replace("stem  conv k3 s2", "stem  conv k3 s2 padding=symmetric"),
            r"with stride \(2, 2\), padding \(\(0, 1\), \(0, 1\)\); expected stride \(2, 2\), padding \(\(1, 1\)",
        ),
        (lambda text: text.replace("x5", "x4"), r"layer 22 of 26: found "),
        (lambda text: text.replace("x5", "x6"), r"layer 24 of 30: found "),
    ],
)
def test_other_networks_are_refused_naming_the_layer(
    imported_as: Callable[..., Imported], change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        imported_as("float32", Architecture.parse(change(zoo(NAME).text)))
    assert str(caught.value).startswith("float32: layer")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def branches() -> tuple[Architecture, Network, bytes]:
    """A network of ours in which much meets, and its file."""
    return exported(BRANCHES)


def exported(text: str) -> tuple[Architecture, Network, bytes]:
    """A network, its norms not trivial, and its file."""
    architecture = Architecture.parse(text)
    network = initialise(architecture)
    network.eval()
    generator = np.random.default_rng(2)
    for _, module in nnx.iter_modules(network):
        for name, (low, high) in {"mean": (-0.2, 0.2), "var": (0.5, 2), "scale": (0.5, 2), "bias": (-0.3, 0.3)}.items():
            array = getattr(module, name, None)
            if isinstance(array, nnx.Variable):
                array[...] = jnp.asarray(generator.uniform(low, high, array.shape), jnp.float32)
    return architecture, network, convert(network, (1, 16, 16, 3), "float32")


def test_branches_gates_and_norms_find_their_weights(branches: tuple[Architecture, Network, bytes]) -> None:
    architecture, network, data = branches
    imported = import_tflite(parse(data, "file"), architecture, (-1, 1), "file")
    pixels = pictures(4, 16, 3)
    theirs = outputs(network, pixels)
    assert np.abs(outputs(imported.network, pixels) - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_statistics_of_pictures_let_training_begin_where_the_file_ended() -> None:
    """Norms compute what they did, and in training on the same pictures too; without statistics that is far off."""
    architecture, _, data = exported(NORMS)
    network = import_tflite(parse(data, "file"), architecture, (-1, 1), "file").network
    pixels = pictures(64, 16, 3)
    theirs = outputs(network, pixels)
    unmeasured = in_training(network, pixels)
    assert take_statistics(network, pixels[:7]) == take_statistics(network, np.full_like(pixels, 7)) == 0
    assert take_statistics(network, np.concatenate([pixels, pixels[:9]])) == 64
    size = np.abs(theirs).max()
    assert np.abs(outputs(network, pixels) - theirs).max() < 1e-4 * size
    assert np.abs(in_training(network, pixels) - theirs).max() < 1e-3 * size
    assert np.abs(unmeasured - theirs).max() > 0.3 * size
    norms = [module for _, module in nnx.iter_modules(network) if isinstance(module, BatchNorm)]
    assert all(float(jnp.abs(norm.mean[...]).max()) > 0 for norm in norms)


def in_training(network: Network, pixels: np.ndarray) -> np.ndarray:
    """What a copy makes of the pictures as one batch."""
    copy = nnx.clone(network)
    copy.train()
    return outputs(copy, pixels)


def test_what_a_file_does_to_its_input_is_taken_over(branches: tuple[Architecture, Network, bytes]) -> None:
    architecture, _, data = branches
    bare = Architecture(16, 3, architecture.layers[1:])
    assert import_tflite(parse(data, "file"), bare, (-1, 1), "file").architecture == architecture
    given_twice = import_tflite(parse(data, "file"), bare, (-2, 2), "file").architecture
    assert given_twice.layers[0].get("mean") != architecture.layers[0].get("mean")


def test_a_mean_below_the_darkest_brightness_is_refused_but_for_rounding() -> None:
    """Of x in -1..1 a file that adds 3 to it has a mean of -1; one that adds a hair more than 1, of 0."""
    one = np.ones(3, np.float32)
    assert prepared(zoo(NAME), [], one, 1.0001 * one, "file")[0].layers[0].get("mean") == 0
    with pytest.raises(InputError, match=r"^file: takes a mean of -1 from its input; expected 0 or more$"):
        prepared(zoo(NAME), [], one, 3 * one, "file")


@pytest.mark.parametrize("reads", [(-1.0, 127 / 128), (-0.998, 1.002)])
def test_less_than_a_level_of_brightness_goes_into_the_first_layer(
    files: dict[str, Path], reads: tuple[float, float]
) -> None:
    exact = import_tflite(read(files["float32"]), zoo(NAME), (-1, 1), "file")
    moved = import_tflite(read(files["float32"]), zoo(NAME), reads, "file")
    assert exact.architecture == moved.architecture
    pixels = pictures(4, SIZE, 3)
    low, high = reads
    given = (pixels / np.float32(255) * (high - low) + low + 1) * 127.5
    theirs = outputs(exact.network, given)
    assert np.abs(outputs(moved.network, pixels) - theirs).max() < 0.005 * np.abs(theirs).max()


def test_graphs_that_cannot_be_followed_are_refused(branches: tuple[Architecture, Network, bytes]) -> None:
    """A runtime may run operators that read what is made after them; to follow them would never end."""
    graph = parse(branches[2], "file").main
    with pytest.raises(InputError, match=r"file: \w+ is out of order; expected each after those that it reads"):
        file_layers(replace(graph, operators=graph.operators[::-1]), "file")
    with pytest.raises(InputError, match="file: computes nothing of its input"):
        file_layers(replace(graph, outputs=graph.inputs), "file")
    first = next(operator for operator in graph.operators if operator.op == "CONV_2D")
    cut = [replace(first, inputs=first.inputs[:1]) if each is first else each for each in graph.operators]
    with pytest.raises(InputError, match="file: CONV_2D has not the inputs that it needs"):
        file_layers(replace(graph, operators=tuple(cut)), "file")


def test_layers_of_mutated_files_are_read_or_refused(branches: tuple[Architecture, Network, bytes]) -> None:
    generator, refused = random.Random(0), 0
    for _ in range(200):
        data = bytearray(branches[2])
        place = generator.randrange(8, len(data))
        data[place : place + 4] = generator.choice(
            [generator.randbytes(1), b"\xff\xff\xff\xff", generator.randbytes(4)]
        )
        try:
            file_layers(parse(bytes(data), "mutated").main, "mutated")
        except InputError:
            refused += 1
    assert 50 < refused < 200


def test_weights_that_are_not_finite_are_refused(files: dict[str, Path]) -> None:
    data = bytearray(files["float32"].read_bytes())
    weights = max((t for t in parse(bytes(data), "file").main.tensors if t.constant), key=lambda t: len(t.data))
    place = bytes(data).index(bytes(weights.data[:64]))
    data[place : place + 4] = np.float32(np.nan).tobytes()
    with pytest.raises(InputError, match="holds numbers that are not finite; expected weights"):
        import_tflite(parse(bytes(data), "file"), zoo(NAME), (-1, 1), "file")


def test_groups_that_a_file_has_as_convolutions_of_shares_are_one_again() -> None:
    architecture, network, data = exported(GROUPS)
    operators = [operator.op for operator in parse(data, "file").main.operators]
    assert (operators.count("SLICE"), operators.count("CONCATENATION")) == (8, 4)
    imported = import_tflite(parse(data, "file"), architecture, (-1, 1), "file")
    pixels = pictures(4, 16, 3)
    theirs = outputs(network, pixels)
    assert np.abs(outputs(imported.network, pixels) - theirs).max() < 1e-4 * np.abs(theirs).max()
    message = r"file: layer 2 of 7: found \S+ \(convolution \(3, 3, 4, 12\) .*expected as stage1"
    other = Architecture.parse(GROUPS.replace("groups=3 act", "groups=2 act"))
    with pytest.raises(InputError, match=message):
        import_tflite(parse(data, "file"), other, (-1, 1), "file")


@pytest.mark.parametrize("split", [False, True])
def test_groups_of_files_by_tensorflow_itself(split: bool) -> None:
    """As CONV_2D with fewer input channels than there are, or as SPLIT, convolutions and CONCATENATION."""
    generator = np.random.default_rng(4)
    first, second, last = (
        generator.normal(0, 0.2, shape).astype(np.float32) for shape in ((3, 3, 3, 8), (3, 3, 2, 12), (12, 5))
    )

    def network(tf: Any, x: Any) -> Any:
        y = tf.nn.relu6(tf.nn.conv2d(x, first, 2, "SAME"))
        if split:
            shares = zip(tf.split(y, 4, -1), np.split(second, 4, -1), strict=True)
            y = tf.concat([tf.nn.relu6(tf.nn.conv2d(share, kernel, 1, "SAME")) for share, kernel in shares], -1)
        else:
            y = tf.nn.relu6(tf.nn.conv2d(y, second, 1, "SAME"))
        return tf.matmul(tf.reduce_mean(y, (1, 2)), last)

    data = by_tensorflow(network, (1, 16, 16, 3))
    groups = Architecture.parse(GROUPED)
    imported = import_tflite(parse(data, "file"), groups, (-1, 1), "file")
    convolutions = (module for _, module in nnx.iter_modules(imported.network) if isinstance(module, Conv))
    assert any(np.array_equal(module.kernel[...], second) for module in convolutions)
