"""Networks as plain JAX functions, and pictures for them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nas.export.tflite import convert

SIZE = 16
CLASSES = 10
Function = Callable[[jax.Array], jax.Array]


class Layers:
    """Layers with weights drawn from one generator, as the network's own export to TFLite."""

    def __init__(self, seed: int = 0):
        self.generator = np.random.default_rng(seed)

    def weights(self, *shape: int) -> jax.Array:
        fan_in = np.prod(shape[:-1])
        return jnp.asarray(self.generator.normal(scale=(2 / fan_in) ** 0.5, size=shape).astype(np.float32))

    def conv(self, kernel: int, cin: int, cout: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Function:
        kernels = self.weights(kernel, kernel, cin // groups, cout)
        variance = jnp.asarray(self.generator.uniform(0.5, 1.5, cout).astype(np.float32))
        shift = self.weights(1, cout)[0]

        def run(x: jax.Array) -> jax.Array:
            y = lax.conv_general_dilated(
                x,
                kernels,
                (stride, stride),
                "SAME",
                rhs_dilation=(dilation, dilation),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                feature_group_count=groups,
            )
            return batch_norm(y, variance, shift)

        return run


@jax.jit
def batch_norm(x: jax.Array, variance: jax.Array, shift: jax.Array) -> jax.Array:
    """In evaluation. The factor is computed, as a network's is: TensorFlow 2.21 does not survive
    the product of a convolution of a 1x1 map and a factor that is written as a constant."""
    return x * lax.rsqrt(variance).reshape(1, 1, 1, -1) + shift.reshape(1, 1, 1, -1)


def relu6(x: jax.Array) -> jax.Array:
    return jnp.clip(x, 0, 6)


def pool(x: jax.Array) -> jax.Array:
    window = (1, x.shape[1], x.shape[2], 1)
    return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / (x.shape[1] * x.shape[2])


def small_network(channels: int = 3, seed: int = 0) -> Function:
    """Stem, depthwise, squeeze-and-excitation, residual, pool, dense as a 1x1 convolution."""
    layers = Layers(seed)
    stem, expand = layers.conv(3, channels, 16, stride=2), layers.conv(1, 16, 32)
    depthwise = layers.conv(3, 32, 32, groups=32)
    reduce, gate = layers.conv(1, 32, 8), layers.conv(1, 8, 32)
    project, dense = layers.conv(1, 32, 16), layers.conv(1, 16, CLASSES)

    def run(x: jax.Array) -> jax.Array:
        x = relu6(stem(x))
        y = relu6(depthwise(relu6(expand(x))))
        y = y * jax.nn.sigmoid(gate(relu6(reduce(pool(y)))))
        return dense(pool(x + project(y))).reshape(1, -1)

    return run


def with_head(body: Function, head: Function | None = None, channels: int = 3, width: int = 16) -> Function:
    """`body` between a stem of `width` channels and a head: by default pool and dense."""
    layers = Layers(7)
    stem, dense = layers.conv(3, channels, width, stride=2), layers.conv(1, width, CLASSES)
    head = head or (lambda x: dense(pool(x)).reshape(1, -1))
    return lambda x: head(body(stem(x)))


def noise(count: int, channels: int = 3, seed: int = 1) -> np.ndarray:
    """Pictures (count, 16, 16, channels) of 0..255 with structure: blurred noise."""
    generator = np.random.default_rng(seed)
    small = generator.uniform(0, 255, (count, SIZE // 4, SIZE // 4, channels))
    return np.kron(small, np.ones((1, 4, 4, 1))).astype(np.uint8)


def as_input(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 127.5 - 1


def calibration(channels: int = 3) -> list[np.ndarray]:
    return [picture[None] for picture in as_input(noise(64, channels, seed=2))]


def int8(function: Function, channels: int = 3) -> bytes:
    return convert(function, (1, SIZE, SIZE, channels), "int8", calibration(channels))
