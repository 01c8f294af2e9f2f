"""A model of `keras.applications` as a network of ours, and itself to compare with."""

from typing import Any

import numpy as np

from experiments.foreign import Foreign, Outputs
from experiments.starting import keras_network
from nas.errors import InputError
from nas.resizing import Images
from search_spaces.keras_weights.pretrained import pretrained
from search_spaces.keras_weights.published import import_published, prepared_architecture, published
from search_spaces.tflite_weights import Imported

_PREPARING = ("Normalization", "Rescaling")  # layers, of models that take 0..255


def keras_foreign(source: str, arch: str | None, weights: str) -> Foreign:
    """The model that `source` names, as keras:MobileNetV2, with the weights of ImageNet, of a file, or "random" ones.

    Raises `InputError` where there is no such model, its weights cannot be had, or `arch` is another network.
    """
    name = keras_network(source, arch or "")
    if arch not in (None, name):
        raise InputError(f"--arch: found {arch}; expected {name}, which {source} is")
    model = pretrained(published(name).model, weights)
    network = import_published(name, model)
    (_, side, _, channels), (_, classes) = model.input_shape, model.output_shape
    architecture = prepared_architecture(name).with_input(side, channels).with_classes(classes)
    return Foreign(
        name=name,
        imported=Imported(network, architecture),
        predict=lambda pictures: _outputs(model, name, pictures),
        probabilities=model.layers[-1].activation.__name__ == "softmax",
        exact=True,
        folded=False,
        labels=(),
        about={"model": published(name).model, "weights": weights},
    )


def _outputs(model: Any, name: str, pictures: Images) -> Outputs:
    """The model's outputs for pictures of 0..255, prepared as Keras' `preprocess_input` for it does."""
    about, x = published(name), pictures.astype(np.float32)
    if not any(type(layer).__name__ in _PREPARING for layer in model.layers):
        mean, std = about.reads or ((0.5,), (0.5,))
        x = ((x / 255 - np.array(mean)) / np.array(std)).astype(np.float32)
        x = x[..., ::-1] if about.blue_first else x
    return np.asarray(model(x, training=False), np.float32)
