"""Networks with weights of Keras read pictures in -1..1 as all others do, whatever the weights expect."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.errors import InputError
from nas.network import initialise
from nas.train.names import network_arrays
from nas.train.transfer import Start, take_over
from search_spaces.keras_weights.published import PUBLISHED, import_published, prepared_architecture, published
from search_spaces.zoo import zoo_names

keras = pytest.importorskip("tensorflow", exc_type=ImportError).keras


def test_pixels_are_prepared_as_keras_prepares_them() -> None:
    name, classes = "vgg-16", 5
    keras.utils.set_random_seed(3)
    make = getattr(keras.applications, published(name).model)
    model = make(weights=None, input_shape=(32, 32, 3), classes=classes, classifier_activation=None)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(model(keras.applications.vgg16.preprocess_input(pixels.copy())))
    architecture = prepared_architecture(name).with_input(32).with_classes(classes)
    network = initialise(architecture)
    take_over(network, Start("keras", network_arrays(import_published(name, model))))
    network.eval()
    outputs = np.asarray(nnx.jit(lambda network, x: network(x))(network, jnp.asarray(pixels / 127.5 - 1)))
    np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_names_are_those_of_the_zoo_and_of_keras() -> None:
    assert set(PUBLISHED) <= set(zoo_names())
    assert all(hasattr(keras.applications, about.model) for about in PUBLISHED.values())
    with pytest.raises(InputError, match="keras: unknown network with weights of Keras 'vgg-17'; did you mean 'vgg-1"):
        published("vgg-17")
