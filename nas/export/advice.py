"""What to change where the Edge TPU leaves an op on the CPU. Advice, not documented fact."""

from nas.export.facts import judge_version
from nas.export.restrictions import Use

_INSTEAD = {
    "HARD_SWISH": "use relu6, or swish, which is LOGISTIC and MUL (`nas export --make-deployable` does)",
    "GELU": "use relu6 or swish",
    "ELU": "use relu6",
    "LEAKY_RELU": "use relu6, relu, or PRELU",
    "ABS": "use MAXIMUM of a tensor and its negative",
    "ARG_MAX": "leave it out and take the largest output in the program that runs the file",
    "DEQUANTIZE": "convert with int8 or uint8 output (`nas export --format uint8`)",
    "QUANTIZE": "convert with int8 or uint8 input (`nas export --format uint8`)",
    "MEAN": "use an average pool over the whole map",
    "SUM": "use an average pool over the whole map, and a factor",
    "TRANSPOSE": "keep the channels last throughout",
    "BATCH_MATMUL": "use a 1x1 CONV_2D with constant weights",
    "DEPTH_TO_SPACE": "use TRANSPOSE_CONV or RESIZE_NEAREST_NEIGHBOR",
    "FULLY_CONNECTED": "use a 1x1 CONV_2D",
    "SOFTMAX": "leave it out: the largest output stays the largest",
}
_PROBLEMS = (
    ("works on ", "convert to full integers, as `nas export --format int8` does"),
    ("not fixed", "convert with a fixed batch of 1"),
    ("innermost dimensions", "convert with a batch of 1"),
    ("fused activation", "put the activation behind the op"),
    ("dilation", "use the same dilation in both directions"),
    ("computed", "make the weights constants of the file"),
    ("along the batch", "work along another axis"),
    ("over the batch", "reduce within each picture"),
    ("strides", "slice without strides"),
)


def advice(use: Use, reason: str) -> str:
    """What would bring an op that stays on the CPU, for `reason`, onto the Edge TPU; "" where nothing is known."""
    for words, change in _PROBLEMS:
        if words in reason and use.operator.op not in ("QUANTIZE", "DEQUANTIZE"):
            return change
    op, version = use.operator.op, use.operator.version
    if not judge_version(op, version).taken and op not in ("MEAN", "SUM"):
        return "convert with `nas export`, or an older TensorFlow, which write older versions of the op"
    return _INSTEAD.get(op, "leave the op out, or make it of ops in the table")
