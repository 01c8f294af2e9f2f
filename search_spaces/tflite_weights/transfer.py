"""From a TFLite file to our network of the same architecture with the same weights."""

from itertools import zip_longest
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from nas.architecture import Architecture
from nas.blocks.layers import BatchNorm
from nas.errors import InputError
from nas.export.constants import Array
from nas.export.model import Model
from nas.export.pixels import Reads
from nas.network import Network, initialise
from search_spaces.tflite_weights.file_layers import FileLayers, file_layers
from search_spaces.tflite_weights.layers import FileLayer
from search_spaces.tflite_weights.our_layers import OurLayer, our_layers
from search_spaces.tflite_weights.preparation import prepared, without_preparation

HARD_SIGMOID = np.float32(3)
_PLAIN = ("none", "relu", "relu6")


class Imported(NamedTuple):
    """A network in evaluation, and its architecture: that asked for with the file's input size and classes."""

    network: Network
    architecture: Architecture


def import_tflite(model: Model, architecture: Architecture, reads: Reads | tuple[float, float], where: str) -> Imported:
    """The network of `architecture` with the weights of a classifier that was read from a file.

    `reads` is what the file is given for the darkest and the brightest pixel, of each colour. The network
    takes -1..1 as all of ours do; where the file prepares its input otherwise, the
    architecture begins with `normalise`. Its outputs are the file's before a softmax.

    Weights are made real numbers of whatever they are stored as. A batch norm that a
    converter has folded into a convolution becomes one that only adds the bias.

    Raises `InputError`, beginning with `where`, where the two are not the same network,
    naming the first layers that differ, and for weights that are not understood.
    """
    theirs = file_layers(model.main, where)
    architecture = _sized(without_preparation(architecture), model, where)
    architecture, layers = prepared(architecture, theirs.layers, *_from_pixels(theirs, reads), where)
    network = initialise(architecture)
    side = architecture.resolution
    mine = our_layers(network, (side, side, architecture.channels))
    _require_same(mine, layers, where)
    for layer, other in zip(mine, layers, strict=True):
        _set(layer, other)
    return Imported(network, architecture)


def _from_pixels(layers: FileLayers, reads: Reads | tuple[float, float]) -> tuple[Array, Array]:
    """Scale and offset of each colour from -1..1 to what the first layer reads."""
    low, high = map(np.asarray, reads)
    scale, offset = layers.scale * (high - low) / 2, layers.scale * (high + low) / 2 + layers.offset
    return scale.astype(np.float32), offset.astype(np.float32)


def _sized(architecture: Architecture, model: Model, where: str) -> Architecture:
    """The architecture at the file's input size and number of classes."""
    image, scores = (model.main.tensors[ends[0]].shape for ends in (model.main.inputs, model.main.outputs))
    if len(image) != 4 or image[1] != image[2]:
        raise InputError(
            f"{where}: its input has shape {list(image)}; expected square pictures [1, side, side, colours]"
        )
    return architecture.with_input(image[1], image[3]).with_classes(scores[-1])


def _require_same(mine: list[OurLayer], theirs: list[FileLayer], where: str) -> None:
    """Compares all layers before any weight is taken."""
    for number, (layer, other) in enumerate(zip_longest(mine, theirs), start=1):
        place = f"{where}: layer {number} of {len(mine)}"
        if layer is None or other is None:
            raise InputError(f"{place}: found {other or 'no more layers'}; expected {layer or 'no more layers'}")
        if difference := _difference(layer, other):
            raise InputError(f"{place}: {difference}")


def _difference(mine: OurLayer, other: FileLayer) -> str:
    """What the file's layer differs in, found and expected; empty where nothing does."""
    if mine.kind != other.kind or mine.shape != other.shape or mine.out_shape != other.out_shape:
        return f"found {other}; expected as {mine}"
    if other.has_bias and not mine.has_bias:
        return f"found {other}; expected none of that bias, as in {mine}"
    if mine.window != other.window and mine.shape[:2] != (1, 1):
        return f"found {other.name} with {other.window}; expected {mine.window}, as in {mine.name}"
    if other.activation != mine.activation and {other.activation, mine.activation} <= set(_PLAIN):
        return f"found {other.name} with the activation {other.activation}; expected {mine.activation}, as {mine.name}"
    return ""


def _set(mine: OurLayer, other: FileLayer) -> None:
    bias = other.bias
    if (mine.activation, other.activation) == ("hard-sigmoid", "relu6"):
        bias = bias - HARD_SIGMOID  # relu6(x + 3) / 6, of which converters put the sum into the bias
    if mine.conv is not None:
        mine.conv.kernel[...] = jnp.asarray(other.kernel)
        if mine.conv.bias is not None:
            mine.conv.bias[...] = jnp.asarray(np.zeros_like(bias) if mine.norm is not None else bias)
    if mine.norm is not None:
        _set_norm(mine.norm, np.ones_like(bias) if mine.conv is not None else other.kernel, bias)


def _set_norm(norm: BatchNorm, scale: Array, bias: Array) -> None:
    """A norm that in evaluation is x * scale + bias, epsilon made up for by the scale."""
    norm.mean[...], norm.var[...] = jnp.zeros_like(norm.mean[...]), jnp.ones_like(norm.var[...])
    norm.scale[...] = jnp.asarray(scale * np.sqrt(np.float32(1) + np.float32(norm.epsilon)), jnp.float32)
    norm.bias[...] = jnp.asarray(bias)
