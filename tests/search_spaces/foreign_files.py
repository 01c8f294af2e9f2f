"""TFLite files as others make them: by TensorFlow from a Keras model, and as in 2018."""

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from nas.export.quiet import quiet
from nas.export.tflite import tensorflow

UINT8, INT8 = schema.TensorType.UINT8, schema.TensorType.INT8
WEIGHTED = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)


def converted(model: Any, kind: str, pictures: np.ndarray) -> bytes:
    """A Keras model as float32, float16, dynamic, int8, or `tensor`: int8 with one scale a tensor.

    `pictures` (N, H, W, C) are such as it takes.
    """
    with quiet():
        tf = tensorflow()
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        signature = [tf.TensorSpec((1, *pictures.shape[1:]), tf.float32)]
        function = tf.function(lambda x: model(x, training=False), input_signature=signature)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if kind in ("int8", "tensor"):
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
            converter._experimental_disable_per_channel = kind == "tensor"
        return bytes(converter.convert())


def by_tensorflow(function: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> bytes:
    """A function of TensorFlow and an input of `shape` as float32."""
    with quiet():
        tf = tensorflow()
        signature = [tf.TensorSpec(shape, tf.float32)]
        traced = tf.function(lambda x: function(tf, x), input_signature=signature, autograph=False)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], traced)
        return bytes(converter.convert())


def of_2018(data: bytes) -> bytes:
    """An int8 file with one scale a tensor as TensorFlow wrote them in 2018: uint8, weights with a zero point
    of their own, and op versions of 1."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    (graph,) = model.subgraphs
    weights = {op.inputs[1]: op for op in graph.operators if _code(model, op) in WEIGHTED}
    for number, tensor in enumerate(graph.tensors):
        if tensor.type != INT8:
            continue
        tensor.type = UINT8
        if number in weights:
            _requantize(model, graph, tensor, weights[number])
        else:
            tensor.quantization.zeroPoint = [int(zero) + 128 for zero in tensor.quantization.zeroPoint]
    for code in model.operatorCodes:
        code.version = 1
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(model: Any, operator: Any) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def _requantize(model: Any, graph: Any, tensor: Any, operator: Any) -> None:
    """Weights of -127..127 around 0 as 0..255 between their least and largest; the bias follows their scale."""
    buffer, (scale,) = model.buffers[tensor.buffer], tensor.quantization.scale
    real = np.asarray(buffer.data, np.uint8).view(np.int8) * float(scale)
    low, high = min(real.min(), 0), max(real.max(), 0)
    step = (high - low) / 255
    zero = round(-low / step)
    buffer.data = np.clip(np.rint(real / step) + zero, 0, 255).astype(np.uint8)
    tensor.quantization.scale, tensor.quantization.zeroPoint = [step], [zero]
    bias = graph.tensors[operator.inputs[2]]
    before = bias.quantization.scale[0]
    after = graph.tensors[operator.inputs[0]].quantization.scale[0] * step
    numbers = np.asarray(model.buffers[bias.buffer].data, np.uint8).view(np.int32)
    model.buffers[bias.buffer].data = np.rint(numbers * (before / after)).astype(np.int32).view(np.uint8)
    bias.quantization.scale = [after]
