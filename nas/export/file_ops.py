"""What an op of the trace is in an int8 file, and whether the Edge TPU maps that. Imports no JAX: estimates use it."""

from functools import lru_cache

from nas.export.facts import judge_op

FileOp = tuple[str, int]  # TFLite's name of the op, and the version that TensorFlow 2.21 writes

_OPS: dict[str, tuple[FileOp, ...]] = {
    "conv": (("CONV_2D", 3),),
    "depthwise_conv": (("DEPTHWISE_CONV_2D", 3),),
    "dense": (("FULLY_CONNECTED", 4),),
    "add": (("ADD", 2),),
    "mul": (("MUL", 2),),
    "average_pool": (("AVERAGE_POOL_2D", 2),),
    "max_pool": (("MAX_POOL_2D", 2),),
    "concat": (("CONCATENATION", 2),),
    "reshape": (("RESHAPE", 1),),
    "pad": (("PAD", 2),),
    "slice": (("STRIDED_SLICE", 2),),
    "split": (("SPLIT", 2),),
    "transpose": (("TRANSPOSE", 2),),
    "max": (("MAXIMUM", 2),),
    "min": (("MINIMUM", 2),),
}
# Of the activations that no convolution or sum takes in.
ACTIVATIONS: dict[str, tuple[FileOp, ...]] = {
    "": (),
    "none": (),
    "relu": (("RELU", 2),),
    "relu6": (("RELU6", 2),),
    "sigmoid": (("LOGISTIC", 2),),
    "tanh": (("TANH", 2),),
    "swish": (("LOGISTIC", 2), ("MUL", 2)),
    "hard-sigmoid": (("ADD", 2), ("MUL", 2)),
    "hard-swish": (("HARD_SWISH", 1),),
    "leaky-relu": (("LEAKY_RELU", 2),),
    "elu": (("EXP", 2),),
    "gelu": (("GELU", 2),),
}


def file_ops(kind: str, activation: str = "") -> tuple[FileOp, ...]:
    """The ops of the file that one op of the trace becomes; one that is not known goes by its own name."""
    if kind == "activation":
        return ACTIVATIONS.get(activation, ((activation.upper(), 1),))
    return _OPS.get(kind, ((kind.upper(), 1),))


@lru_cache(maxsize=1024)
def maps(kind: str, activation: str = "") -> bool:
    """Whether the Edge TPU maps all that an op of the trace becomes."""
    return all(judge_op(*op)[0] for op in file_ops(kind, activation))
