"""Files converted once for all tests."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from nas.export.labels import NAME
from nas.export.tflite import FORMATS, convert
from tests.nas.export.networks import CLASSES, SIZE, Function, as_input, calibration, noise, small_network


@pytest.fixture(scope="session")
def network() -> Function:
    return small_network()


@pytest.fixture(scope="session")
def files(network: Function, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The network in every format, with labels.txt beside them."""
    folder = tmp_path_factory.mktemp("export")
    (folder / NAME).write_text("".join(f"class {number}\n" for number in range(CLASSES)))
    paths = {name: folder / f"model_{name}.tflite" for name in FORMATS}
    for name, path in paths.items():
        path.write_bytes(convert(network, (1, SIZE, SIZE, 3), name, calibration()))
    return paths


@pytest.fixture(scope="session")
def logits(network: Function) -> np.ndarray:
    """The network's own outputs on `noise(60)`, (60, 10)."""
    return np.concatenate([np.asarray(network(jnp.asarray(picture[None]))) for picture in as_input(noise(60))])


@pytest.fixture(scope="session")
def tensorflow_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes .tflite files with TensorFlow itself, as others do."""
    from nas.export.quiet import quiet
    from nas.export.tflite import tensorflow

    def write(
        name: str,
        function: Callable,
        *shapes: tuple,
        quantize: bool = True,
        ends: str = "int8",
        low: float = -1,
        high: float = 1,
    ) -> Path:
        with quiet():
            tf = tensorflow()
            signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
            traced = tf.function(lambda *inputs: function(tf, *inputs), input_signature=signature, autograph=False)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], traced)
            if quantize:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = getattr(tf, ends)
                fixed = [[1 if size is None else size for size in shape] for shape in shapes]
                generator = np.random.default_rng(0)
                converter.representative_dataset = lambda: (
                    [generator.uniform(low, high, shape).astype(np.float32) for shape in fixed] for _ in range(64)
                )
            path = tmp_path_factory.mktemp("tensorflow") / f"{name}.tflite"
            path.write_bytes(converter.convert())
        return path

    return write
