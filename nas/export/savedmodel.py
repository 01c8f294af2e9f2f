"""Plain operations to TensorFlow's SavedModel."""

from contextlib import suppress
from pathlib import Path

import jax
import numpy as np

from nas.export.evaluate import evaluate
from nas.export.lowering import FIRST
from nas.export.plain import Plain
from nas.export.prepend import INPUT, OUTPUT, SIGNATURE
from nas.export.quiet import quiet
from nas.export.tflite import tensorflow


def write_savedmodel(network: Plain, folder: Path) -> None:
    """Writes the folder: a picture (1, H, W, C) in -1..1 to logits (1, classes), under `SIGNATURE`.

    jax2tf puts the program as XLA knows it into one operation, which TensorFlow runs on
    CPU, CUDA and TPU. Equal networks give equal programs; TensorFlow draws some of the
    names in its table of objects, so the files' bytes differ.
    Raises `InputError` where TensorFlow is missing.
    """
    _, channels, height, width = network.in_shape
    with quiet():
        tf = tensorflow()
        from jax.experimental import jax2tf

        def run(image: jax.Array) -> jax.Array:
            return evaluate(network, image.transpose(FIRST))

        platforms = ("cpu", "cuda", "tpu")
        converted = jax2tf.convert(run, with_gradient=False, native_serialization_platforms=platforms)

        def named(image: object) -> dict[str, object]:
            return {OUTPUT: converted(image)}

        given = [tf.TensorSpec((1, height, width, channels), tf.float32, name=INPUT)]
        module = tf.Module()
        module.run = tf.function(named, input_signature=given, autograph=False)
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.run.get_concrete_function()})
    with suppress(FileNotFoundError):
        (folder / "fingerprint.pb").unlink()  # a number drawn for this writing


def run_savedmodel(folder: Path, picture: np.ndarray) -> np.ndarray:
    """Logits (1, classes) of a picture (1, H, W, C) in -1..1, by TensorFlow."""
    with quiet():
        tf = tensorflow()
        logits: np.ndarray = (
            tf.saved_model.load(str(folder)).signatures[SIGNATURE](tf.constant(picture))[OUTPUT].numpy()
        )
    return logits
