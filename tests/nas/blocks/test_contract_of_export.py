"""What every registered block's exported file must do: compute the same, in float and in int8, and be judged."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.layers import ConvNorm
from nas.errors import InputError
from nas.export.edgetpu import check
from nas.export.run import LiteModel
from nas.export.tflite import convert
from tests.nas.blocks.examples import EXAMPLES, module_of, run

# What the Edge TPU is not known to map, by the op that keeps it from doing so.
UNMAPPED = {
    "amoebanet_a c8 cells=1 stages=1": "RELU",  # where a tensor is read with and without its activation
    "nasnet_a c8 cells=1 stages=1": "RELU",
    "nasbench201 c8 ab=nor_conv_1x1 ac=skip_connect bc=avg_pool_3x3 bd=skip_connect cd=nor_conv_3x3": "RELU",
    "nasbench201_reduction c16": "RELU",
    "shuffle c24 g3 s2 first_groups=1": "RELU",
    "conv k3 c8 d2 g2 act=hard-swish norm=none": "HARD_SWISH",
    "conv k5 s2 c8 act=leaky-relu padding=valid norm=bias": "LEAKY_RELU",
    "darknet_residual c8": "LEAKY_RELU",
    "darknet_residual s2 c16": "LEAKY_RELU",
}
UNMAPPED_ACTIVATIONS = {"elu": "EXP", "hard-swish": "HARD_SWISH", "leaky-relu": "LEAKY_RELU"}
# Blocks that put a max pool of their input beside convolutions. TensorFlow gives all of these, and the
# input, one scale: that of the result, which may hold no negative numbers where the input does.
RECTIFIED = ("reduction_17", "reduction_35")


class Classifier(nnx.Module):
    """The block between a 1x1 convolution, so that it reads what it would inside a network, and a flattening."""

    def __init__(self, line, in_shape):
        self.block, self.in_shape = module_of(line, in_shape), in_shape
        self.shape = (1,) * (3 - len(in_shape)) + in_shape
        activation = "relu" if line.startswith(RECTIFIED) else "none"
        self.stem = ConvNorm(self.shape[-1], self.shape[-1], activation=activation, rngs=nnx.Rngs(0))
        generator = np.random.default_rng(0)
        for path, variable in nnx.iter_graph(self):
            if isinstance(variable, nnx.Param | nnx.BatchStat) and path[-1] != "kernel":
                low, high = (0.5, 1.5) if path[-1] in ("scale", "var") else (-0.5, 0.5)
                variable[...] = jnp.asarray(generator.uniform(low, high, variable.shape), jnp.float32)
        self.eval()

    def __call__(self, x):
        y = self.block(self.stem(x).reshape(x.shape[0], *self.in_shape))
        return y.reshape(x.shape[0], -1)


class Exports:
    """A model's files, and how far they are off the model on 8 pictures."""

    def __init__(self, model, path):
        self.model, self.path = model, path
        self.pixels = np.random.default_rng(1).integers(0, 256, (8, *model.shape)).astype(np.uint8)
        self.inputs = self.pixels.astype(np.float32) / 127.5 - 1
        self.expected = np.asarray(run(model, jnp.asarray(self.inputs)))

    def error(self, format):
        """The largest difference in this format, as a share of the largest output."""
        shape = (1, *self.model.shape)
        self.path.write_bytes(convert(self.model, shape, format, [picture[None] for picture in self.inputs]))
        found = LiteModel(self.path, trusted=True).predict(self.pixels)
        return np.abs(found - self.expected).max() / np.abs(self.expected).max()

    def check(self, unmapped):
        """Asserts that the int8 file is mapped but for an op of the name given."""
        verdict = check(self.path)
        assert verdict.edgetpu == (not unmapped), verdict
        assert verdict.cut.startswith(unmapped)
        assert not any(op.op.startswith("BUILTIN_") for op in verdict.ops)


@pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
def test_exported_block_computes_the_same_and_is_judged(line, in_shape, tmp_path):
    exports = Exports(Classifier(line, in_shape), tmp_path / "block.tflite")
    assert exports.error("float32") < 2e-6
    assert exports.error("int8") < 0.1
    exports.check(UNMAPPED.get(line, ""))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_exported_activation_computes_the_same_and_is_judged(activation, tmp_path):
    exports = Exports(Classifier(f"conv k1 c8 act={activation}", (4, 4, 4)), tmp_path / "activation.tflite")
    assert exports.error("float32") < 2e-6
    if activation == "gelu":
        with pytest.raises(InputError, match="values that are infinite inside the network, as a gelu has them"):
            exports.error("int8")
        return
    assert exports.error("int8") < 0.1
    exports.check(UNMAPPED_ACTIVATIONS.get(activation, ""))
