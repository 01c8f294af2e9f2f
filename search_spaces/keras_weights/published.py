"""What each model of `keras.applications` is called in the zoo, and what its weights expect to read.

The expectations are those of the models' own preprocessing: Keras' modes "tf" (-1..1), "torch"
(ImageNet's mean and deviation) and "caffe" (0..255 less the mean, blue first).
"""

from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx

from nas.architecture import Architecture
from nas.blocks.layers import Conv
from nas.blocks.normalise import normalised
from nas.errors import InputError, unknown
from nas.network import Network
from search_spaces.keras_weights.transfer import import_keras, keras_architecture

Numbers = tuple[float, ...]

_TORCH: tuple[Numbers, Numbers] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CAFFE: tuple[Numbers, Numbers] = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3)
_BY_128: tuple[Numbers, Numbers] = ((128 / 255,) * 3, (128 / 255,) * 3)


@dataclass(frozen=True)
class Published:
    """A model of Keras: its name, the mean and deviation of what it reads (None: -1..1), the order of its colours."""

    model: str
    reads: tuple[Numbers, Numbers] | None = None
    blue_first: bool = False


PUBLISHED = {
    "mobilenet-v1": Published("MobileNet"),
    "mobilenet-v2": Published("MobileNetV2"),
    "mobilenet-v3-small": Published("MobileNetV3Small"),
    "mobilenet-v3-large": Published("MobileNetV3Large"),
    **{f"efficientnet-b{n}": Published(f"EfficientNetB{n}", _TORCH) for n in range(8)},
    **{f"efficientnet-v2-b{n}": Published(f"EfficientNetV2B{n}", _TORCH) for n in range(4)},
    **{f"efficientnet-v2-{size}": Published(f"EfficientNetV2{size.upper()}", _BY_128) for size in "sml"},
    **{f"densenet-{n}": Published(f"DenseNet{n}", _TORCH) for n in (121, 169, 201)},
    **{f"vgg-{n}": Published(f"VGG{n}", _CAFFE, blue_first=True) for n in (16, 19)},
    **{f"resnet-{n}": Published(f"ResNet{n}", _CAFFE, blue_first=True) for n in (50, 101, 152)},
    "inception-v3": Published("InceptionV3"),
    "nasnet-a-mobile": Published("NASNetMobile"),
    "nasnet-a-large": Published("NASNetLarge"),
}


def published(network_name: str) -> Published:
    """The model of Keras that a network of the zoo is. Raises `InputError` where it is none."""
    if network_name not in PUBLISHED:
        raise InputError(f"keras: {unknown('network with weights of Keras', network_name, PUBLISHED)}")
    return PUBLISHED[network_name]


def prepared_architecture(network_name: str) -> Architecture:
    """The zoo's network as Keras has it, with what its weights expect to read as its first layer."""
    reads = published(network_name).reads
    architecture = keras_architecture(network_name)
    return normalised(architecture, *reads) if reads else architecture


def import_published(network_name: str, source: object = None) -> Network:
    """The network of `keras_architecture` with its ImageNet weights, for red, green and blue.

    These it expects prepared as `published` says, for which it has no layer. Its arrays are those of
    `prepared_architecture` too, which reads -1..1. `source` is the Keras model, where it is there already.
    Raises `InputError` as `import_keras` does.
    """
    about = published(network_name)
    network = import_keras(about.model if source is None else source, network_name)
    if about.blue_first:
        _turn_colours(network)
    return network


def _turn_colours(network: Network) -> None:
    """Lets the first convolution read red first."""
    _, block = next(network.blocks())
    first = next(module for _, module in nnx.iter_modules(block) if isinstance(module, Conv))
    first.kernel[...] = jnp.asarray(first.kernel[...])[:, :, ::-1]
