"""A JAX function to a TFLite file: of floats, of weights in 8 bits, or of integers throughout.

JAX traces the function, grouped convolutions and padded max pools in parts that the Edge
TPU maps. `jax2tf` hands the trace to TensorFlow, and TensorFlow's converter folds batch
norm, fuses activations and quantizes: weights per channel, activations by the ranges that
the calibration pictures show. TensorFlow is imported only while this runs.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from numpy.typing import NDArray

from nas.errors import InputError, unknown
from nas.export.calibration import HIGHEST, LOWEST, calibration_pictures
from nas.export.grey import plain_convolutions
from nas.export.model import parse
from nas.export.quantization.finest import is_runnable
from nas.export.quantization.method import PLAIN, Method
from nas.export.quantization.quantize import grid_for, quantize, quantize_to
from nas.export.quiet import quiet
from nas.export.tracing import Forward, trace_forward
from nas.export.versions import lower_versions
from nas.network import Network
from nas.rounding.grid import Grid
from nas.rounding.network import whole_numbers

Format = Literal["float32", "float16", "dynamic", "int8", "uint8", "int16x8"]
Picture = NDArray[np.floating[Any]]

FORMATS: tuple[str, ...] = get_args(Format)
CALIBRATED = ("int8", "uint8", "int16x8")  # which take the ranges of activations from pictures
FOR_EDGETPU = ("int8", "uint8")


def convert(
    forward: Forward,
    input_shape: tuple[int, int, int, int],
    format: str,
    calibration: Iterable[Picture] | None = None,
    method: Method = PLAIN,
    grid: Grid | None = None,
) -> bytes:
    """The content of a .tflite file that computes `forward`.

    `forward` takes (1, H, W, C) float32 in [-1, 1] to (1, classes) float32 logits, its
    weights being constants that it closes over; `input_shape` is (1, H, W, C).

    float16 stores the weights in half precision and dynamic in 8 bits; both take and give
    float32. int8 computes in integers throughout, its input's scale is 2/255, so that a
    pixel p of 0..255 is the int8 number p - 128; uint8 is the same network behind an input
    and an output that are shifted by 128. int16x8 has activations of 16 bits between
    float32 ends. These three need `calibration`, pictures of `input_shape` in [-1, 1];
    `method` is how int8 and uint8 get their numbers; with a `grid`, which a network trained
    with rounding has, they have its steps and need no pictures.
    Equal arguments give equal bytes.

    Raises `InputError` for an unknown format, weights that are not finite, calibration
    pictures that are missing or unfit, and where TensorFlow is missing or refuses.
    """
    if format not in FORMATS:
        raise InputError(f"export: {unknown('format', format, FORMATS)}")
    if grid is not None and format in FOR_EDGETPU:
        return _on_grid(forward, input_shape, format, grid)
    closed = trace_forward(forward, input_shape, mappable=True)
    pictures = calibration_pictures(calibration, input_shape) if format in CALIBRATED else []
    if format not in FOR_EDGETPU:
        data = _convert(closed, input_shape, format, pictures)
        return _with_steps(data) if format == "int16x8" else data
    if method == PLAIN and is_runnable(data := _accepted(_convert(closed, input_shape, format, pictures))):
        return data
    with _converting(closed, input_shape, format, pictures) as (tf, converter):
        return _accepted(quantize(converter, getattr(tf, format), pictures, method))


def fit_grid(
    forward: Forward, input_shape: tuple[int, int, int, int], calibration: Iterable[Picture] | None, ranges: str
) -> Grid:
    """The steps that an int8 file of `forward` would have, with ranges of a kind: what to train it with.

    Raises `InputError` as `convert` does, and for operations that have no rounded form.
    """
    closed = trace_forward(forward, input_shape, mappable=True)
    pictures = calibration_pictures(calibration, input_shape)
    with _converting(closed, input_shape, "int8", pictures) as (tf, converter):
        return grid_for(converter, tf.int8, pictures, ranges)


def _on_grid(forward: Forward, input_shape: tuple[int, int, int, int], format: str, grid: Grid) -> bytes:
    if not isinstance(forward, Network):
        raise TypeError(f"a grid is that of a network; found {type(forward).__name__}")
    numbers = whole_numbers(forward, input_shape[1:], grid)
    closed = trace_forward(forward, input_shape, mappable=True)
    # What the converter finds on it is not used: the grid's ranges take its place.
    picture = np.linspace(LOWEST, HIGHEST, int(np.prod(input_shape)), dtype=np.float32).reshape(input_shape)
    with _converting(closed, input_shape, format, [picture]) as (tf, converter):
        return _accepted(quantize_to(converter, getattr(tf, format), grid, numbers))


def _accepted(data: bytes) -> bytes:
    """The file in the form that the Edge TPU compiler is known to take."""
    try:
        return lower_versions(plain_convolutions(data))
    except InputError as error:
        raise InputError(
            f"{error}; TensorFlow writes such int8 files for values that are infinite inside the network, "
            "as a gelu has them, or a max pool that is padded with -infinity"
        ) from error


def _with_steps(data: bytes) -> bytes:
    """The file as it is; raises `InputError` where TensorFlow left a tensor of 16 bits without a step."""
    try:
        parse(data, "export")
    except InputError as error:
        raise InputError(
            "export: an activation is zero on all calibration pictures, and TensorFlow then writes no int16x8 file "
            "that can be run; expected int8, or pictures on which every part of the network answers"
        ) from error
    return data


def _convert(closed: ClosedJaxpr, input_shape: tuple[int, ...], format: str, pictures: list[Picture]) -> bytes:
    """What TensorFlow makes of the network by itself."""
    with _converting(closed, input_shape, format, pictures) as (_, converter):
        return bytes(converter.convert())


@contextmanager
def _converting(
    closed: ClosedJaxpr, input_shape: tuple[int, ...], format: str, pictures: list[Picture]
) -> Iterator[tuple[Any, Any]]:
    """TensorFlow and its converter for a trace; what it raises within is `InputError`."""
    with quiet():
        tf = tensorflow()
        function = concrete_function(tf, closed, input_shape)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
        _quantize(tf, converter, format, pictures)
        try:
            yield tf, converter
        except InputError:
            raise
        except Exception as error:  # the converter raises whatever its native code does
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise InputError(f"export: TensorFlow cannot write this network as {format}: {reason}") from error


def _quantize(tf: Any, converter: Any, format: str, pictures: list[Picture]) -> None:
    """Tells TensorFlow's converter what a format means."""
    if format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if format in CALIBRATED:
        converter.representative_dataset = lambda: ([picture] for picture in pictures)
        sets = tf.lite.OpsSet
        wide = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide if format == "int16x8" else sets.TFLITE_BUILTINS_INT8]
    if format in FOR_EDGETPU:
        converter.inference_input_type = converter.inference_output_type = getattr(tf, format)


def concrete_function(tf: Any, closed: ClosedJaxpr, input_shape: tuple[int, ...]) -> Any:
    """The trace as a TensorFlow function of a fixed shape."""
    from jax.experimental import jax2tf

    traced = jaxpr_as_fun(closed)

    def network(image: jax.Array) -> jax.Array:
        return traced(image)[0]  # type: ignore[no-any-return]

    converted = jax2tf.convert(network, with_gradient=False, native_serialization_platforms=("cpu",))
    signature = [tf.TensorSpec(input_shape, tf.float32, name="image")]
    return tf.function(converted, input_signature=signature, autograph=False)


def tensorflow() -> Any:
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
