"""Networks of the zoo at a small size, with random weights such as files are compared on."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from nas.blocks.layers import MOMENTUM, BatchNorm, Conv
from nas.network import Network, initialise
from search_spaces.zoo import zoo

CLASSES, PICTURES, SEED = 10, 32, 0
SIZE = 64
SIZES = {"inception-v3": 107, "mnist-perceptron": 28, "mnist-conv": 28, "cifar10-conv": 32}
FAMILIES = (
    *("efficientnet-b0", "efficientnet-lite0", "efficientnet-edgetpu-s", "efficientnet-v2-s"),
    *("mnasnet-a1", "mobilenet-v1", "mobilenet-v2", "mobilenet-edgetpu", "mobilenet-edgetpu-v2-s"),
    *("mobilenet-v3-large", "mobilenet-v3-small-minimalistic", "nasnet-a-mobile", "amoebanet-a-mobile"),
    *("shufflenet-v1-g3", "shufflenet-v1-g1", "shufflenet-v2-1.0x", "squeezenet-1.1", "resnet-18", "resnet-50"),
    *("resnet-50-v2", "se-resnet-50", "densenet-121", "inception-v1", "inception-v3", "vgg-11", "darknet-19"),
    *("darknet-53", "mnist-perceptron", "mnist-conv", "cifar10-conv"),
)


@dataclass(frozen=True)
class Settled:
    """A network in evaluation, pictures of 0..255, the same as it takes them, and its outputs on them (N, classes)."""

    network: Network
    size: int
    pixels: NDArray[np.uint8]
    inputs: NDArray[np.float32]
    expected: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """That of one picture with its batch, (1, H, W, C)."""
        return (1, *self.pixels.shape[1:])

    @property
    def pictures(self) -> list[NDArray[np.float32]]:
        """The inputs one by one, each with its batch."""
        return [picture[None] for picture in self.inputs]

    def difference(self, found: NDArray[np.float32]) -> float:
        """The largest from the first outputs, as a share of the most that one is off the mean of all pictures'."""
        scale = np.abs(self.expected - self.expected.mean(0)).max()
        return float(np.abs(found - self.expected[: len(found)]).max() / scale)


def settled(name: str) -> Settled:
    """A network of the zoo with random weights, and in its norms the statistics of random pictures."""
    size, architecture = SIZES.get(name, SIZE), zoo(name)
    architecture = architecture.with_input(size, architecture.channels).with_classes(CLASSES)
    network, pixels = initialise(architecture, SEED), pictures((size, size, architecture.channels))
    inputs = pixels.astype(np.float32) / 127.5 - 1
    _settle(network, jnp.asarray(inputs))
    expected = np.asarray(nnx.jit(lambda network, x: network(x))(network, jnp.asarray(inputs)))
    return Settled(network, size, pixels, inputs, expected)


def pictures(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Random pictures (N, H, W, C) of 0..255: large patches of colour, and noise."""
    generator = np.random.default_rng(SEED)
    height, width, channels = shape
    patches = generator.uniform(0, 255, (PICTURES, 4, 4, channels))
    large = patches.repeat(-(-height // 4), 1).repeat(-(-width // 4), 2)[:, :height, :width]
    return np.clip(large + generator.uniform(-60, 60, (PICTURES, *shape)), 0, 255).astype(np.uint8)


def _settle(network: Network, inputs: jax.Array) -> None:
    """Random scales and biases, and in every batch norm the statistics of `inputs`; evaluation from then on.

    Those of batch norms let most activations pass what they read: noise would grow from layer
    to layer of a random network else, more than in a trained one.
    """
    generator = np.random.default_rng(SEED)

    def draw(variable: nnx.Variable[jax.Array], low: float, high: float) -> None:
        variable[...] = jnp.asarray(generator.uniform(low, high, variable.shape), jnp.float32)

    for _, module in nnx.iter_modules(network):
        if isinstance(module, BatchNorm):
            draw(module.scale, 0.7, 1.3)
            draw(module.bias, 0.5, 1.5)
        elif isinstance(module, Conv) and module.bias is not None:
            draw(module.bias, -0.1, 0.1)
    before = jax.tree.map(jnp.copy, nnx.state(network, nnx.BatchStat))
    network.train()  # type: ignore[no-untyped-call]
    nnx.jit(lambda network, x: network(x))(network, inputs)
    after = nnx.state(network, nnx.BatchStat)
    # A step in training moves the statistics a part of the way to those of its batch; this goes the whole way.
    nnx.update(network, jax.tree.map(lambda old, new: (new - MOMENTUM * old) / (1 - MOMENTUM), before, after))
    network.eval()  # type: ignore[no-untyped-call]
