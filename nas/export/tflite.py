"""A JAX function to a TFLite file: float32, float16, or int8 throughout.

JAX traces the function, grouped convolutions and padded max pools in parts that the Edge
TPU maps. `jax2tf` hands the trace to TensorFlow, and TensorFlow's converter folds batch
norm, fuses activations and, for int8, quantizes: weights per channel, activations by the
ranges that the calibration pictures show. TensorFlow is imported only while this runs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, get_args

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from numpy.typing import NDArray

from nas.blocks.convolution import mappable_operations
from nas.errors import InputError, unknown
from nas.export.calibration import calibration_pictures
from nas.export.grey import plain_convolutions
from nas.export.quiet import quiet
from nas.export.versions import lower_versions

Format = Literal["float32", "float16", "int8"]
Forward = Callable[[jax.Array], jax.Array]
Picture = NDArray[np.floating[Any]]

FORMATS: tuple[str, ...] = get_args(Format)


def convert(
    forward: Forward,
    input_shape: tuple[int, int, int, int],
    format: str,
    calibration: Iterable[Picture] | None = None,
) -> bytes:
    """The content of a .tflite file that computes `forward`.

    `forward` takes (1, H, W, C) float32 in [-1, 1] to (1, classes) float32 logits, its
    weights being constants that it closes over; `input_shape` is (1, H, W, C).
    float16 stores the weights in half precision and computes in float32. int8 needs
    `calibration`, pictures of `input_shape` in [-1, 1], and has int8 input and output:
    the input's scale is 2/255, so that a pixel p of 0..255 is the int8 number p - 128.
    Equal arguments give equal bytes.

    Raises `InputError` for an unknown format, weights that are not finite, calibration
    pictures that are missing or unfit, and where TensorFlow is missing or refuses.
    """
    if format not in FORMATS:
        raise InputError(f"export: {unknown('format', format, FORMATS)}")
    closed = _trace(forward, input_shape)
    pictures = calibration_pictures(calibration, input_shape) if format == "int8" else []
    data = _convert(closed, input_shape, format, pictures)
    return _accepted(data) if format == "int8" else data


def _accepted(data: bytes) -> bytes:
    """The file in the form that the Edge TPU compiler is known to take."""
    try:
        return lower_versions(plain_convolutions(data))
    except InputError as error:
        raise InputError(
            f"{error}; TensorFlow writes such int8 files for values that are infinite inside the network, "
            "as a gelu has them, or a max pool that is padded with -infinity"
        ) from error


def _trace(forward: Forward, input_shape: tuple[int, int, int, int]) -> ClosedJaxpr:
    """The function as JAX sees it, in operations that the Edge TPU maps where there is a choice."""
    if len(input_shape) != 4 or input_shape[0] != 1 or min(input_shape) < 1:
        raise InputError(f"export: input shape is {input_shape}; expected (1, height, width, channels)")

    # A new function every time: JAX remembers the trace of one that it has seen, with the
    # weights of then, and `forward` may be a network that has been trained since.
    def network(image: jax.Array) -> jax.Array:
        return forward(image)

    with mappable_operations():
        closed = jax.make_jaxpr(network)(np.zeros(input_shape, np.float32))
    shapes = [(value.shape, value.dtype) for value in closed.out_avals]
    if len(shapes) != 1 or len(shapes[0][0]) != 2 or shapes[0][0][0] != 1 or shapes[0][1] != np.float32:
        found = ", ".join(f"{dtype}{list(shape)}" for shape, dtype in shapes)
        raise InputError(f"export: the network gives {found}; expected float32 logits of shape [1, classes]")
    for array in _constants(closed.jaxpr, closed.consts):
        _check_finite(array)
    return closed


def _constants(jaxpr: Any, constants: Iterable[Any]) -> Iterator[NDArray[Any]]:
    """Every constant array of a trace, those of the functions that it calls included."""
    yield from (np.asarray(constant) for constant in constants)
    for equation in jaxpr.eqns:
        literals = (value.val for value in equation.invars if hasattr(value, "val"))
        yield from (np.asarray(value) for value in literals if np.ndim(value))
        for parameter in equation.params.values():
            if isinstance(parameter, ClosedJaxpr):
                yield from _constants(parameter.jaxpr, parameter.consts)


def _check_finite(array: NDArray[Any]) -> None:
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            f"export: {count} of {array.size} weights in an array of shape {list(array.shape)} are NaN or infinite; "
            "expected finite weights, as of a training that did not diverge"
        )


def _convert(closed: ClosedJaxpr, input_shape: tuple[int, ...], format: str, pictures: list[Picture]) -> bytes:
    with quiet():
        tf = _tensorflow()
        function = _function(tf, closed, input_shape)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
        if format != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if format == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if format == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter.representative_dataset = lambda: ([picture] for picture in pictures)
        try:
            data: bytes = converter.convert()
        except Exception as error:  # the converter raises whatever its native code does
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise InputError(f"export: TensorFlow cannot write this network as {format}: {reason}") from error
    return data


def _function(tf: Any, closed: ClosedJaxpr, input_shape: tuple[int, ...]) -> Any:
    """The trace as a TensorFlow function of a fixed shape."""
    from jax.experimental import jax2tf

    traced = jaxpr_as_fun(closed)

    def network(image: jax.Array) -> jax.Array:
        return traced(image)[0]  # type: ignore[no-any-return]

    converted = jax2tf.convert(network, with_gradient=False, native_serialization_platforms=("cpu",))
    signature = [tf.TensorSpec(input_shape, tf.float32, name="image")]
    return tf.function(converted, input_signature=signature, autograph=False)


def _tensorflow() -> Any:
    """TensorFlow, told to be silent and to leave accelerators to JAX."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise InputError(
            "export: TensorFlow is not installed, and it writes the .tflite files; "
            "expected it after: pip install 'edgescale[export]'"
        ) from error
    tf.get_logger().setLevel("ERROR")
    for kind in ("GPU", "TPU"):
        try:
            tf.config.set_visible_devices([], kind)
        except (RuntimeError, ValueError):
            continue  # it was in use before this; nothing is lost but memory
    return tf
