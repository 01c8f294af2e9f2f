"""The zoo computes what `keras.applications` computes with the same weights."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from flax import nnx

from nas.errors import InputError
from nas.trace import trace
from search_spaces.keras_weights import import_keras, keras_architecture
from search_spaces.keras_weights.graph import Node, Weighted, in_order
from search_spaces.zoo import zoo

# Name in keras.applications and in the zoo, input size: small, and odd on the way where it is at the published size.
NETWORKS = [
    ("MobileNet", "mobilenet-v1", 64),
    ("MobileNetV2", "mobilenet-v2", 64),
    ("MobileNetV3Large", "mobilenet-v3-large", 64),
    ("EfficientNetB0", "efficientnet-b0", 64),
    ("EfficientNetB3", "efficientnet-b3", 76),
    ("EfficientNetV2S", "efficientnet-v2-s", 64),
    ("DenseNet121", "densenet-121", 64),
    ("VGG16", "vgg-16", 64),
    ("ResNet50", "resnet-50", 64),
    ("InceptionV3", "inception-v3", 139),
    ("NASNetMobile", "nasnet-a-mobile", 96),
]
RANGES = {"gamma": (0.5, 1.5), "beta": (-0.3, 0.3), "bias": (-0.05, 0.05)}


@pytest.fixture(autouse=True, scope="module")
def compile_quickly():
    """What is compiled here runs once, on small pictures."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def model_of(name: str, size: int | None, **options: Any) -> Any:
    """A Keras model with all weights random, and a little off the statistics that pictures like `pictures` have."""
    keras.utils.set_random_seed(7)
    make = getattr(keras.applications, name)
    model = make(weights=None, input_shape=(size, size, 3), classifier_activation=None, **options)
    generator = np.random.default_rng(1)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for variable in model.trainable_variables:
        if variable.name in RANGES:
            variable.assign(generator.uniform(*RANGES[variable.name], variable.shape))
        elif not norms:  # what is drawn for a single layer fades in many
            variable.assign(1.5 * variable)
    for layer in norms:
        layer.momentum = 0.0  # so that one step in training leaves the statistics of its batch
    model(inputs(model, pictures(8, size or 64, seed=2)), training=True)
    for layer in norms:
        var = np.asarray(layer.moving_variance)
        layer.moving_variance.assign((var + 0.1 * var.mean()) * generator.uniform(0.8, 1.2, var.shape))
    return model


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Random pictures, (count, size, size, 3) in 0..255: large patches of colour, and noise."""
    generator = np.random.default_rng(seed)
    patches = generator.uniform(0, 255, (count, 4, 4, 3)).repeat(-(-size // 4), 1).repeat(-(-size // 4), 2)
    noise = generator.uniform(-60, 60, (count, size, size, 3))
    return np.clip(patches[:, :size, :size] + noise, 0, 255).astype(np.float32)


def preprocessing(model: Any) -> list[Any]:
    """The layers without weights that the model begins with."""
    return [layer for layer in model.layers if type(layer).__name__ in ("Rescaling", "Normalization")]


def inputs(model: Any, x: np.ndarray) -> np.ndarray:
    """Pixels as the Keras model takes them."""
    return x if preprocessing(model) else x / 127.5 - 1


def preprocessed(model: Any, x: np.ndarray) -> np.ndarray:
    """The model's input as its first convolution reads it."""
    for layer in preprocessing(model):
        x = np.asarray(layer(x))
    return x


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, as a share of the largest output."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def both(model: Any, network: nnx.Module, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of our network and of Keras' model for the same random pictures."""
    x = inputs(model, pictures(4, size))
    ours = nnx.jit(lambda network, x: network(x))(network, jnp.asarray(preprocessed(model, x)))
    return np.asarray(ours), np.asarray(model(x, training=False))


@pytest.fixture(scope="module")
def narrow() -> Any:
    """A quarter of MobileNet v1, for three classes."""
    return model_of("MobileNet", 64, alpha=0.25, classes=3)


@pytest.mark.parametrize(("keras_name", "name", "size"), NETWORKS)
def test_outputs_are_those_of_keras(keras_name: str, name: str, size: int) -> None:
    model = model_of(keras_name, size)
    ours, theirs = both(model, import_keras(model, name), size)
    difference = largest_difference(ours, theirs)
    print(f"{name} at {size} pixels: {difference:.1e}")
    assert largest_difference(theirs, theirs.mean(0)) > 0.02, "the outputs hardly depend on the pictures"
    assert difference < 1e-4


def test_size_and_classes_are_the_model_s(narrow: Any) -> None:
    network = import_keras(narrow, "mobilenet-v1-0.25-128")
    ours, theirs = both(narrow, network, 64)
    assert ours.shape == (4, 3)
    assert largest_difference(ours, theirs) < 1e-4


def test_size_is_the_zoo_s_where_the_model_takes_any() -> None:
    model = model_of("MobileNetV3Large", None, minimalistic=True, classes=5)
    ours, theirs = both(model, import_keras(model, "mobilenet-v3-large-minimalistic"), 64)
    assert largest_difference(ours, theirs) < 1e-4


@pytest.mark.parametrize("layer", ["depthwise", "project"])
@pytest.mark.parametrize("what", ["conv", "norm"])
def test_two_layers_of_one_shape_exchanged_would_show(narrow: Any, layer: str, what: str) -> None:
    network = import_keras(narrow, "mobilenet-v1-0.25-128")
    one, other = getattr(network.stage7.block1, layer), getattr(network.stage7.block2, layer)
    former = getattr(one, what)
    setattr(one, what, getattr(other, what))
    setattr(other, what, former)
    ours, theirs = both(narrow, network, 64)
    assert largest_difference(ours, theirs) > 1e-3


@pytest.mark.parametrize("name", [name for _, name, _ in NETWORKS])
def test_keras_has_the_zoo_s_architectures(name: str) -> None:
    architecture = keras_architecture(name)
    assert trace(architecture).params == trace(zoo(name)).params
    assert (architecture == zoo(name)) == (name != "resnet-50")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mobilenet-v1-0.5-128",
            r"found conv1 \(convolution \(3, 3, 3, 8\) making \(32, 32, 8\)\); "
            r"expected as stem1\.block1\.conv\.conv \(convolution \(3, 3, 3, 16\) making \(32, 32, 16\)\)",
        ),
        ("vgg-16", r"found conv1 .*; expected as stage1\.block1\.conv\.conv"),
        ("mobilenet-v9", "unknown network 'mobilenet-v9'; did you mean 'mobilenet-v"),
    ],
)
def test_other_networks_are_refused(narrow: Any, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_keras(narrow, name)
    assert "\n" not in str(caught.value)


def test_resnet_v2_is_refused_with_the_reason(narrow: Any) -> None:
    with pytest.raises(InputError, match="'resnet-50-v2' is another network in Keras, with the strides in the last"):
        import_keras(narrow, "resnet-50-v2")


def test_pictures_of_other_sizes_are_refused() -> None:
    """Where the size is odd, Keras' MobileNet v1 pads otherwise than at the published sizes, which are even."""
    model = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(76, 76, 3))
    with pytest.raises(
        InputError, match=r"found conv_dw_4 .* making \(9, 9, 32\)\); expected as .* making \(10, 10, 32\)"
    ):
        import_keras(model, "mobilenet-v1-0.25-128")


def classifier(*layers: Any, shape: tuple[int, ...] = (16, 16, 3)) -> Any:
    """A small Keras model, functional."""
    x = picture = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(picture, x, name="small")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "found a int; expected a model of keras.applications"),
        (classifier(keras.layers.Conv2D(3, 3)), r"are \(None, 16, 16, 3\) and \(None, 14, 14, 3\); expected square"),
        (classifier(keras.layers.Flatten(), shape=(8, 16, 3)), r"are \(None, 8, 16, 3\) and .*; expected square"),
        (
            classifier(keras.layers.LayerNormalization(), keras.layers.Flatten()),
            "there are weights in layer_normalization, a LayerNormalization; expected only Conv2D, ",
        ),
        (classifier(keras.layers.Flatten()), r"found no more layers; expected stem1\.block1\.conv\.conv \(convolution"),
        (
            classifier(keras.layers.Conv2D(8, 3, 2, padding="same"), keras.layers.Flatten()),
            r"found conv2d.* \(convolution \(3, 3, 3, 8\) with a bias making \(8, 8, 8\)\); expected as stem1",
        ),
        ("MobileNetV9", "unknown model of keras.applications 'MobileNetV9'; did you mean 'MobileNetV"),
    ],
)
def test_other_models_are_refused(model: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_keras(model, "mobilenet-v1-0.25-128")
    assert str(caught.value).startswith("import_keras: ")
    assert "\n" not in str(caught.value)


def test_names_need_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match=r"TensorFlow is not installed.*pip install 'edgescale\[export\]'"):
        import_keras("MobileNet", "mobilenet-v1")


def test_order_does_not_depend_on_which_summand_is_read_first() -> None:
    long = [Weighted(f"long{index}", "convolution", (1, 1, 1, 1), (1, 1, 1)) for index in range(2)]
    short, end = (Weighted(name, "convolution", (1, 1, 1, 1), (1, 1, 1)) for name in ("short", "end"))
    graph = {"a": Node(("x",), (long[0],)), "b": Node(("a",), (long[1],)), "c": Node(("x",), (short,))}
    for summands in (("b", "c"), ("c", "b")):
        whole = {**graph, "sum": Node(summands), "out": Node(("sum",), (end,))}
        assert in_order(whole, "out") == [*long, short, end]
