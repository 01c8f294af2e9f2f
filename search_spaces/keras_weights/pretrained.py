"""Models of `keras.applications` with their ImageNet weights."""

import os
from contextlib import suppress
from typing import Any

from nas.errors import InputError, unknown


def pretrained(name: str) -> Any:
    """The model called `name`, such as "EfficientNetB0", with weights that Keras downloads once and keeps.

    Raises `InputError` for an unknown name, a download that fails, or without TensorFlow.
    """
    models = {key: make for key, make in vars(_keras().applications).items() if key[0].isupper()}
    if name not in models:
        raise InputError(f"import_keras: {unknown('model of keras.applications', name, models)}")
    try:
        return models[name](weights="imagenet")
    except Exception as error:  # Keras raises nothing more special when a download fails
        reason = " ".join(str(error).split())
        raise InputError(
            f"import_keras: cannot load the ImageNet weights of {name}: {reason}; "
            "expected a connection, or a model instead of its name"
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
