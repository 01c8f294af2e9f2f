"""From a model of `keras.applications` to the same network of the zoo with the same weights."""

from itertools import zip_longest
from typing import Any

import jax.numpy as jnp
import numpy as np

from nas.architecture import Architecture
from nas.blocks.layers import BatchNorm, Conv
from nas.errors import InputError
from nas.network import Network, initialise
from search_spaces.keras_weights.flax_layers import FlaxLayer, flax_layers
from search_spaces.keras_weights.keras_layers import KerasLayer, keras_layers
from search_spaces.keras_weights.pretrained import pretrained
from search_spaces.zoo import zoo


def import_keras(source: Any, network_name: str) -> Network:
    """The zoo's network `network_name` with the weights of a model of `keras.applications`, in evaluation.

    `source` is such a model, of any input size and number of classes, or the name of one,
    such as "EfficientNetB0", which is then loaded with its ImageNet weights (Keras downloads
    them once). The network's outputs are the model's before its last activation. Its
    architecture is that of `keras_architecture`, with the model's input size and classes.

    Its input is what the model's first convolution reads, (B, H, W, C) after all
    preprocessing. With ImageNet weights that is pixels in -1..1, as everywhere here, for
    MobileNet, Inception v3 and NASNet-A, and within half a percent for EfficientNetV2-S to L
    (pixels / 128 - 1); pixels / 255 less ImageNet's mean over its deviation for EfficientNet,
    EfficientNetV2-B and DenseNet; and blue, green, red in 0..255 less the mean for VGG and ResNet.

    What has another form here is converted, without changing the outputs in evaluation:
    biases before a batch norm go into its mean, and where Keras' batch norm has another
    epsilon the scale makes up for it.

    Raises `InputError` where the two are not the same network, naming the first layers
    that differ, for unknown names, and where TensorFlow, which has Keras, is missing.
    """
    architecture = keras_architecture(network_name)
    model = pretrained(source) if isinstance(source, str) else source
    if not hasattr(model, "operations"):
        raise InputError(f"import_keras: found a {type(model).__name__}; expected a model of keras.applications")
    where = f"import_keras: {model.name} as '{network_name}'"
    architecture = _sized(architecture, model, where)
    network = initialise(architecture)
    in_shape = (architecture.resolution, architecture.resolution, architecture.channels)
    _copy(keras_layers(model, where), flax_layers(network, in_shape), where)
    return network


def keras_architecture(network_name: str) -> Architecture:
    """The network of the zoo as `keras.applications` has it.

    It is the zoo's own but for ResNet, whose strides are on the first 1x1 of a block there,
    as in the paper. Raises `InputError` for a name that is not in the zoo, and for ResNet V2,
    which is another network there.
    """
    architecture = zoo(network_name)
    if any(layer.block.startswith("preact_") for layer in architecture.layers):
        raise InputError(
            f"import_keras: '{network_name}' is another network in Keras, with the strides in the last block of a "
            "stage, a pool around that block, and zeros around its first pool, which see the biases before it; "
            "expected a network that both have, as resnet-50"
        )
    layers = [
        layer.with_options(stride_on="reduce") if layer.block == "bottleneck" and layer.get("stride") == 2 else layer
        for layer in architecture.layers
    ]
    return Architecture(architecture.resolution, architecture.channels, tuple(layers))


def _sized(architecture: Architecture, model: Any, where: str) -> Architecture:
    """The architecture at the model's input size, where that is fixed, and number of classes."""
    shapes = [tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)]
    if [len(shape) for shape in shapes] != [4, 2] or shapes[0][1] != shapes[0][2]:
        found = " and ".join(map(str, shapes))
        raise InputError(f"{where}: inputs and outputs are {found}; expected square pictures, classes (include_top)")
    (_, height, _, channels), (_, classes) = shapes
    return architecture.with_input(height, channels).with_classes(classes)


def _copy(theirs: list[KerasLayer], ours: list[FlaxLayer], where: str) -> None:
    """Sets the weights of `ours`; all are compared before any is changed."""
    for mine, other in zip_longest(ours, theirs):
        if mine is None or other is None:
            raise InputError(f"{where}: found {other or 'no more layers'}; expected {mine or 'no more layers'}")
        if not _agree(mine, other):
            raise InputError(f"{where}: found {other}; expected as {mine}")
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(mine.module, BatchNorm):
            _set_norm(mine.module, other)
        else:
            _set_convolution(mine.module, other)


def _agree(mine: FlaxLayer, other: KerasLayer) -> bool:
    """Whether two layers are of a kind and of sizes that `mine` can take; a bias that is missing is zero."""
    sizes = zip(mine.out_shape, other.out_shape, strict=True)
    same_sizes = mine.shape == other.shape and all(theirs in (None, size) for size, theirs in sizes)
    return mine.kind == other.kind and same_sizes and mine.has_bias >= other.has_bias


def _set_convolution(module: Conv, other: KerasLayer) -> None:
    module.kernel[...] = jnp.asarray(other.arrays["kernel"])
    if module.bias is not None:
        module.bias[...] = jnp.asarray(other.arrays.get("bias", np.zeros(other.shape[-1:], np.float32)))


def _set_norm(module: BatchNorm, other: KerasLayer) -> None:
    """Copies a batch norm.

    Where epsilons differ, the scale keeps scale / sqrt(var + epsilon) as it was rather than
    the variance, which so remains that of the input, as training expects it.
    """
    arrays = other.arrays
    epsilon = np.sqrt((arrays["var"] + module.epsilon) / (arrays["var"] + other.epsilon))
    module.scale[...] = jnp.asarray(arrays["scale"] * epsilon, jnp.float32)
    for name in ("bias", "mean", "var"):
        getattr(module, name)[...] = jnp.asarray(arrays[name])
