"""Traces of the published classifiers whose milliseconds on the Edge TPU are known.

Those of the zoo come from there. The others are op lists written here, each one block of a
`Trace`, batch 1, as a deployed int8 model would be: batch norm folded, ReLU fused. Their
shapes follow the papers named at each function.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nas.ops import BlockTrace, LayerTrace, Op, Shape, Trace
from nas.trace import trace
from search_spaces.zoo import zoo

Step = tuple[
    int | str, ...
]  # (channels, kernel height, kernel width, stride[, "valid"]) or ("avg"|"max", window, stride)


class Tensor(NamedTuple):
    """A tensor of the network being built: its number and (height, width, channels)."""

    number: int
    shape: Shape


class Net:
    """Collects ops; every method returns the tensor it made."""

    def __init__(self, resolution: int):
        self.ops: list[Op] = []
        self.input = Tensor(0, (resolution, resolution, 3))

    def trace(self) -> Trace:
        """The whole network as a single block."""
        params = sum(op.weights + op.biases for op in self.ops)
        block = BlockTrace(tuple(self.ops), self.input.shape, self.ops[-1].out_shape, params, 0)
        return Trace((LayerTrace("network", "published", block),))

    def conv(self, x: Tensor, channels: int, kernel: int = 1, stride: int = 1, padding: str = "same") -> Tensor:
        """A square convolution with bias and fused ReLU."""
        return self.conv2(x, channels, kernel, kernel, stride, padding)

    def conv2(self, x: Tensor, channels: int, kh: int, kw: int, stride: int = 1, padding: str = "same") -> Tensor:
        """A convolution with a kernel of kh x kw."""
        size = _reduced(x.shape, (kh, kw), stride, padding)
        weights = kh * kw * x.shape[2] * channels
        return self._add(
            "conv",
            [x],
            (*size, channels),
            kernel=(kh, kw),
            stride=stride,
            macs=math.prod(size) * weights,
            weights=weights,
            biases=channels,
            activation="relu",
        )

    def pool(self, x: Tensor, kind: str, window: int, stride: int, padding: str = "same") -> Tensor:
        """Average ("avg") or maximum ("max") pooling."""
        name = {"avg": "average_pool", "max": "max_pool"}[kind]
        shape = (*_reduced(x.shape, (window, window), stride, padding), x.shape[2])
        return self._add(name, [x], shape, kernel=(window, window), stride=stride)

    def head(self, x: Tensor, classes: int = 1000) -> Tensor:
        """Global average pool and a dense layer as a 1x1 convolution."""
        pooled = self._add("average_pool", [x], (1, 1, x.shape[2]), kernel=x.shape[:2])
        return self.conv(pooled, classes)

    def add(self, *xs: Tensor) -> Tensor:
        """The sum of tensors of one shape."""
        return self._add("add", xs, xs[0].shape)

    def affine(self, x: Tensor) -> Tensor:
        """A batch norm that no convolution can take in: a multiplication and an addition."""
        scaled = self._add("mul", [x], x.shape, weights=x.shape[2])
        return self._add("add", [scaled], x.shape, weights=x.shape[2])

    def concat(self, *xs: Tensor) -> Tensor:
        """Tensors side by side in their channels."""
        return self._add("concat", xs, (*xs[0].shape[:2], sum(x.shape[2] for x in xs)))

    def branches(self, x: Tensor, *branches: Sequence[Step]) -> Tensor:
        """Inception's mixed block: every branch a row of steps from `x`, joined by concatenation."""
        return self.concat(*(self.steps(x, branch) for branch in branches))

    def steps(self, x: Tensor, steps: Sequence[Step]) -> Tensor:
        """One branch."""
        for kind, *rest in steps:
            step: Callable[..., Tensor] = self.pool if isinstance(kind, str) else self.conv2
            x = step(x, kind, *rest)
        return x

    def _add(self, kind: str, xs: Sequence[Tensor], out_shape: Shape, **facts: object) -> Tensor:
        largest = max((x.shape for x in xs), key=math.prod)
        number = len(self.ops) + 1
        self.ops.append(Op(kind, largest, out_shape, tuple(x.number for x in xs), number, **facts))  # type: ignore[arg-type]
        return Tensor(number, out_shape)


def _reduced(shape: Shape, kernel: tuple[int, int], stride: int, padding: str) -> tuple[int, int]:
    if padding == "same":
        return (math.ceil(shape[0] / stride), math.ceil(shape[1] / stride))
    return ((shape[0] - kernel[0]) // stride + 1, (shape[1] - kernel[1]) // stride + 1)


def squeezenet() -> Trace:
    """Version 1.0, arXiv 1602.07360, table 1."""
    net = Net(224)
    x = net.pool(net.conv(net.input, 96, 7, 2), "max", 3, 2, "valid")
    for index, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
        s = net.conv(x, squeeze)
        x = net.concat(net.conv(s, 4 * squeeze), net.conv(s, 4 * squeeze, 3))
        if index in (2, 6):
            x = net.pool(x, "max", 3, 2, "valid")
    net.pool(net.conv(x, 1000), "avg", x.shape[0], 1, "valid")
    return net.trace()


def vgg16() -> Trace:
    """arXiv 1409.1556, configuration D."""
    net = Net(224)
    x = net.input
    for channels, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            x = net.conv(x, channels, 3)
        x = net.pool(x, "max", 2, 2)
    net.conv(net.conv(net.conv(x, 4096, 7, 1, "valid"), 4096), 1000)
    return net.trace()


def resnet152_v2() -> Trace:
    """arXiv 1603.05027 at 299x299: each block starts with a norm that no convolution before it can take in."""
    net = Net(299)
    x = net.pool(net.conv(net.input, 64, 7, 2), "max", 3, 2)
    for stage, count in enumerate((3, 8, 36, 3)):
        width = 64 * 2**stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            inner = net.affine(x)
            short = net.conv(inner, 4 * width, 1, stride) if index == 0 else x
            y = net.conv(net.conv(net.conv(inner, width), width, 3, stride), 4 * width)
            x = net.add(short, y)
    net.head(x)
    return net.trace()


def densenet121() -> Trace:
    """arXiv 1608.06993, table 1."""
    net = Net(224)
    x = net.pool(net.conv(net.input, 64, 7, 2), "max", 3, 2)
    for stage, repeats in enumerate((6, 12, 24, 16)):
        for _ in range(repeats):
            x = net.concat(x, net.conv(net.conv(net.affine(x), 128), 32, 3))
        if stage < 3:
            x = net.pool(net.conv(net.affine(x), x.shape[2] // 2), "avg", 2, 2)
    net.head(net.affine(x))
    return net.trace()


def inception_v3() -> Trace:
    """arXiv 1512.00567, as released with 299x299 inputs."""
    net = Net(299)
    x = _inception_stem(net)
    for last in (32, 64, 64):
        x = net.branches(
            x,
            [(64, 1, 1)],
            [(48, 1, 1), (64, 5, 5)],
            [(64, 1, 1), (96, 3, 3), (96, 3, 3)],
            [("avg", 3, 1), (last, 1, 1)],
        )
    x = net.branches(
        x, [(384, 3, 3, 2, "valid")], [(64, 1, 1), (96, 3, 3), (96, 3, 3, 2, "valid")], [("max", 3, 2, "valid")]
    )
    for c in (128, 160, 160, 192):
        x = net.branches(
            x,
            [(192, 1, 1)],
            [(c, 1, 1), (c, 1, 7), (192, 7, 1)],
            [(c, 1, 1), (c, 7, 1), (c, 1, 7), (c, 7, 1), (192, 1, 7)],
            [("avg", 3, 1), (192, 1, 1)],
        )
    x = net.branches(
        x,
        [(192, 1, 1), (320, 3, 3, 2, "valid")],
        [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2, "valid")],
        [("max", 3, 2, "valid")],
    )
    for _ in range(2):
        a = net.conv(x, 384)
        b = net.conv(net.conv(x, 448), 384, 3)
        forks = [net.conv2(t, 384, *k) for t in (a, b) for k in ((1, 3), (3, 1))]
        x = net.concat(net.conv(x, 320), *forks, net.steps(x, [("avg", 3, 1), (192, 1, 1)]))
    net.head(x)
    return net.trace()


def _inception_stem(net: Net) -> Tensor:
    x = net.conv(net.conv(net.conv(net.input, 32, 3, 2, "valid"), 32, 3, 1, "valid"), 64, 3)
    x = net.pool(x, "max", 3, 2, "valid")
    return net.pool(net.conv(net.conv(x, 80), 192, 3, 1, "valid"), "max", 3, 2, "valid")


def inception_v4() -> Trace:
    """arXiv 1602.07261, figures 3 to 9."""
    net = Net(299)
    x = net.conv(net.conv(net.conv(net.input, 32, 3, 2, "valid"), 32, 3, 1, "valid"), 64, 3)
    x = net.branches(x, [("max", 3, 2, "valid")], [(96, 3, 3, 2, "valid")])
    x = net.branches(
        x, [(64, 1, 1), (96, 3, 3, 1, "valid")], [(64, 1, 1), (64, 1, 7), (64, 7, 1), (96, 3, 3, 1, "valid")]
    )
    x = net.branches(x, [(192, 3, 3, 2, "valid")], [("max", 3, 2, "valid")])
    for _ in range(4):
        x = net.branches(
            x,
            [(96, 1, 1)],
            [(64, 1, 1), (96, 3, 3)],
            [(64, 1, 1), (96, 3, 3), (96, 3, 3)],
            [("avg", 3, 1), (96, 1, 1)],
        )
    x = net.branches(
        x, [(384, 3, 3, 2, "valid")], [(192, 1, 1), (224, 3, 3), (256, 3, 3, 2, "valid")], [("max", 3, 2, "valid")]
    )
    for _ in range(7):
        x = net.branches(
            x,
            [(384, 1, 1)],
            [(192, 1, 1), (224, 1, 7), (256, 7, 1)],
            [(192, 1, 1), (192, 7, 1), (224, 1, 7), (224, 7, 1), (256, 1, 7)],
            [("avg", 3, 1), (128, 1, 1)],
        )
    x = net.branches(
        x,
        [(192, 1, 1), (192, 3, 3, 2, "valid")],
        [(256, 1, 1), (256, 1, 7), (320, 7, 1), (320, 3, 3, 2, "valid")],
        [("max", 3, 2, "valid")],
    )
    for _ in range(3):
        a = net.conv(x, 384)
        b = net.steps(x, [(384, 1, 1), (448, 3, 1), (512, 1, 3)])
        forks = [net.conv2(t, 256, *k) for t in (a, b) for k in ((1, 3), (3, 1))]
        x = net.concat(net.conv(x, 256), *forks, net.steps(x, [("avg", 3, 1), (256, 1, 1)]))
    net.head(x)
    return net.trace()


def inception_resnet_v2() -> Trace:
    """arXiv 1602.07261 as released: 10, 20 and 10 residual blocks, 55.8M parameters."""
    net = Net(299)
    x = net.branches(
        _inception_stem(net),
        [(96, 1, 1)],
        [(48, 1, 1), (64, 5, 5)],
        [(64, 1, 1), (96, 3, 3), (96, 3, 3)],
        [("avg", 3, 1), (64, 1, 1)],
    )
    for _ in range(10):
        x = _residual(net, x, [(32, 1, 1)], [(32, 1, 1), (32, 3, 3)], [(32, 1, 1), (48, 3, 3), (64, 3, 3)])
    x = net.branches(
        x, [(384, 3, 3, 2, "valid")], [(256, 1, 1), (256, 3, 3), (384, 3, 3, 2, "valid")], [("max", 3, 2, "valid")]
    )
    for _ in range(20):
        x = _residual(net, x, [(192, 1, 1)], [(128, 1, 1), (160, 1, 7), (192, 7, 1)])
    x = net.branches(
        x,
        [(256, 1, 1), (384, 3, 3, 2, "valid")],
        [(256, 1, 1), (288, 3, 3, 2, "valid")],
        [(256, 1, 1), (288, 3, 3), (320, 3, 3, 2, "valid")],
        [("max", 3, 2, "valid")],
    )
    for _ in range(10):
        x = _residual(net, x, [(192, 1, 1)], [(192, 1, 1), (224, 1, 3), (256, 3, 1)])
    net.head(net.conv(x, 1536))
    return net.trace()


def _residual(net: Net, x: Tensor, *branches: Sequence[Step]) -> Tensor:
    return net.add(x, net.conv(net.branches(x, *branches), x.shape[2]))


def from_zoo(name: str, resolution: int | None = None) -> Trace:
    """A network of the zoo, at another input size where one is given."""
    return trace(zoo(name).with_input(resolution))


NETWORKS: dict[str, Callable[[], Trace]] = {
    "mobilenet-v1": lambda: from_zoo("mobilenet-v1"),
    "squeezenet-1.0": squeezenet,
    "efficientnet-edgetpu-s": lambda: from_zoo("efficientnet-edgetpu-s"),
    "densenet121": densenet121,
    "resnet50-v1-299": lambda: from_zoo("resnet-50", 299),
    "resnet152-v2-299": resnet152_v2,
    "inception-v3": inception_v3,
    "inception-v4": inception_v4,
    "inception-resnet-v2": inception_resnet_v2,
    "vgg16": vgg16,
}
