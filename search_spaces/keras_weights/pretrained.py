"""Models of `keras.applications` with their ImageNet weights."""

import os
from contextlib import suppress
from typing import Any

from nas.errors import InputError, unknown

RANDOM = "random"


def pretrained(name: str, weights: str = "imagenet") -> Any:
    """The model called `name`, such as "EfficientNetB0", with weights that Keras downloads once and keeps.

    `weights` may also be a file of weights that Keras wrote for that model, or "random".
    Raises `InputError` for an unknown name, a download that fails, or without TensorFlow.
    """
    models = {key: make for key, make in vars(_keras().applications).items() if key[0].isupper()}
    if name not in models:
        raise InputError(f"import_keras: {unknown('model of keras.applications', name, models)}")
    try:
        return models[name](weights=None if weights == RANDOM else weights)
    except Exception as error:  # Keras raises nothing more special when a download fails
        reason = " ".join(str(error).split())
        raise InputError(
            f"import_keras: cannot load the weights '{weights}' of {name}: {reason}; "
            "expected a connection for imagenet, a file of its weights, or random"
        ) from error


def _keras() -> Any:
    """TensorFlow's Keras, told to be silent and to leave accelerators to JAX."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise InputError(
            "import_keras: TensorFlow is not installed, and it brings the Keras models; "
            "expected it after: pip install 'edgescale[export]'"
        ) from error
    with suppress(RuntimeError):  # in use before this; nothing is lost but memory
        tf.config.set_visible_devices([], "GPU")
    return tf.keras
