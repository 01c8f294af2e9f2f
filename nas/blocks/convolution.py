"""One convolution, computed in the way that is fastest on the platform at hand.

XLA's CPU code for depthwise convolutions is an order of magnitude slower than k*k
shifted multiply-adds, its gradients more so; 1x1 convolutions are faster as matrix
products, and so are those whose kernel is larger than the picture. GPUs and TPUs have
good library convolutions. The numbers are the same. Under `library_convolutions()`
every convolution is one `conv_general_dilated`, which is what tracing must see. Export
goes one step further, by `mappable_operations()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

from nas.blocks.xla_convolution import Padding, Stride, dense_convolution, library_convolution, pair

PADDINGS = ("same", "symmetric", "valid", "ceil")

_library = ContextVar("library_convolutions", default=False)
_mappable = ContextVar("mappable_operations", default=False)


@contextmanager
def library_convolutions() -> Iterator[None]:
    """Within it, functions traced by JAX keep each convolution and pool as one operation."""
    token = _library.set(True)
    try:
        yield
    finally:
        _library.reset(token)


@contextmanager
def mappable_operations() -> Iterator[None]:
    """As `library_convolutions`, and what the Edge TPU maps no single operation of becomes several that it maps.

    These are grouped convolutions, of which converters write a version that its compiler
    refuses, max pools padded otherwise than TFLite's own, and depthwise convolutions of more
    channels than TFLite computes. The numbers stay the same.
    """
    token = _mappable.set(True)
    try:
        with library_convolutions():
            yield
    finally:
        _mappable.reset(token)


def uses_mappable() -> bool:
    """Whether operations are to be such that the Edge TPU maps them."""
    return _mappable.get()


def uses_library() -> bool:
    """Whether convolutions are to stay single library operations here."""
    return _library.get() or jax.default_backend() != "cpu"


def same_padding(size: tuple[int, ...], kernel: tuple[int, ...], stride: Stride, dilation: int = 1) -> Padding:
    """Rows and columns to add so that the output has ceil(size / stride), the odd one at the end."""

    def axis(length: int, width: int, stride: int) -> tuple[int, int]:
        reach = (width - 1) * dilation + 1
        total = max(0, (-(-length // stride) - 1) * stride + reach - length)
        return total // 2, total - total // 2

    rows, columns = pair(stride)
    return axis(size[0], kernel[0], rows), axis(size[1], kernel[1], columns)


def padding_of(mode: str, size: tuple[int, ...], kernel: tuple[int, ...], stride: Stride, dilation: int = 1) -> Padding:
    """Rows and columns to add for one of `PADDINGS`.

    "same": ceil(size / stride) outputs, what is odd at the end, as TensorFlow pads.
    "symmetric": half the kernel on either side, as PyTorch's networks pad.
    "valid": none. "ceil": as many at the end as a last, partly filled window needs, as in
    Caffe's pools. Raises ValueError where the kernel is larger than the picture it then sees.
    """
    if mode == "same":
        return same_padding(size, kernel, stride, dilation)

    def axis(length: int, width: int, stride: int) -> tuple[int, int]:
        reach = (width - 1) * dilation + 1
        around = reach // 2 if mode == "symmetric" else 0
        if length + 2 * around < reach:
            raise ValueError(f"a window of {reach} does not fit into {length} pixels; expected a larger picture")
        if mode == "ceil":
            missing = -(length - reach) % stride
            return 0, missing if missing < reach else 0
        return around, around

    rows, columns = pair(stride)
    return axis(size[0], kernel[0], rows), axis(size[1], kernel[1], columns)


def convolve(
    x: jax.Array, kernel: jax.Array, padding: Padding, stride: Stride = 1, dilation: int = 1, groups: int = 1
) -> jax.Array:
    """Convolves `x` (B, H, W, C) with `kernel` (kh, kw, C / groups, D) to (B, H', W', D)."""
    if uses_library() or not isinstance(stride, int):
        return library_convolution(x, kernel, padding, stride, dilation, groups)
    if kernel.shape[:2] == (1, 1) and groups == 1 and padding == ((0, 0), (0, 0)):
        return _product(x[:, ::stride, ::stride], kernel)
    if groups == x.shape[-1] == kernel.shape[-1]:
        return _depthwise(x, kernel, padding, stride, dilation)
    if groups == 1 and min(x.shape[1:3]) < max(kernel.shape[:2]):
        return _by_columns(x, kernel, padding, stride, dilation)
    if groups == 1:
        return dense_convolution(x, kernel, padding, stride, dilation)
    return library_convolution(x, kernel, padding, stride, dilation, groups)


def _by_columns(x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int) -> jax.Array:
    """Convolution as one matrix product, of all that each output position sees by the kernel."""
    windows = [window for _, window in _windows(x, kernel.shape[:2], padding, stride, dilation)]
    return _product(jnp.concatenate(windows, axis=-1), kernel)


def _product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """(B, H, W, C) times a kernel of C * D numbers, as the product of two matrices.

    The gradients of an einsum over four axes would transpose them first.
    """
    channels = kernel.shape[-1]
    return (x.reshape(-1, x.shape[-1]) @ kernel.reshape(-1, channels)).reshape(*x.shape[:3], channels)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _depthwise(x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int) -> jax.Array:
    """Depthwise convolution of (B, H, W, C) by (kh, kw, 1, C) as shifted multiply-adds."""
    return _depthwise_itself(x, kernel, padding, stride, dilation)


def _depthwise_itself(x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int) -> jax.Array:
    return _shifted_sum(_windows(x, kernel.shape[:2], padding, stride, dilation), kernel)


def _shifted_sum(windows: Iterator[tuple[tuple[int, int], jax.Array]], kernel: jax.Array) -> jax.Array:
    """The sum over the positions of a kernel (kh, kw, 1, C) of the windows that they multiply.

    In plain operations of XLA: written with operators, a large kernel takes half a second to trace.
    """
    products = (_times(window, kernel, *position) for position, window in windows)
    return reduce(lax.add, products)


def _times(window: jax.Array, kernel: jax.Array, row: int, column: int) -> jax.Array:
    entry = lax.slice(kernel, (row, column, 0, 0), (row + 1, column + 1, 1, kernel.shape[3]))
    return lax.mul(window, lax.broadcast_in_dim(lax.squeeze(entry, (0, 1, 2)), window.shape, (3,)))


def _windows(
    x: jax.Array, kernel: tuple[int, ...], padding: Padding, stride: int, dilation: int
) -> Iterator[tuple[tuple[int, int], jax.Array]]:
    """For each kernel position the part of the padded `x` that it multiplies, (B, H', W', C)."""
    padded = _padded(x, padding)
    rows, columns = (
        (length - (width - 1) * dilation - 1) // stride + 1
        for length, width in zip(padded.shape[1:3], kernel, strict=True)
    )
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation, j * dilation
            bottom, right = top + (rows - 1) * stride + 1, left + (columns - 1) * stride + 1
            begin, end = (0, top, left, 0), (padded.shape[0], bottom, right, padded.shape[3])
            yield (i, j), lax.slice(padded, begin, end, (1, stride, stride, 1))


def _padded(x: jax.Array, padding: Padding) -> jax.Array:
    """The padded `x`, made once: XLA would pad anew for each of its uses."""
    if not any(map(any, padding)):
        return x
    padded: jax.Array = lax.optimization_barrier(jnp.pad(x, ((0, 0), *padding, (0, 0))))
    return padded


def _depthwise_forward(
    x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # Kept padded, and padded here where what comes before is fused into it, as XLA is slow at a pad by itself.
    padded, none = _padded(x, padding), ((0, 0), (0, 0))
    # Not `_depthwise`, which would be traced as a function with a gradient of its own once more.
    return _depthwise_itself(padded, kernel, none, stride, dilation), (padded, kernel)


def _depthwise_backward(
    padding: Padding, stride: int, dilation: int, saved: tuple[jax.Array, jax.Array], grad: jax.Array
) -> tuple[jax.Array, jax.Array]:
    padded, kernel = saved
    rows, columns = kernel.shape[:2]
    height, width = (length - sum(added) for length, added in zip(padded.shape[1:3], padding, strict=True))
    reach = [(length - 1) * stride + 1 for length in grad.shape[1:3]]

    def product(position: jax.Array) -> jax.Array:
        """The gradient of one entry of each channel's kernel, (C,)."""
        top, left = position // columns * dilation, position % columns * dilation
        window = lax.dynamic_slice(padded, (0, top, left, 0), (padded.shape[0], *reach, padded.shape[3]))
        return jnp.sum(window[:, ::stride, ::stride] * grad, (0, 1, 2))

    # A loop over one small program: unrolled, it takes several times the time and the compiler twice.
    kernel_grad = lax.map(product, jnp.arange(rows * columns)).reshape(kernel.shape)

    # The input's gradient is the flipped kernel slid over the gradient with its strides opened up.
    def edges(length: int, width: int, before: int, outputs: int) -> tuple[int, int, int]:
        reach = (width - 1) * dilation
        low = reach - before
        return low, length + reach - low - ((outputs - 1) * stride + 1), stride - 1

    spread = lax.pad(
        grad,
        jnp.zeros((), grad.dtype),
        (
            (0, 0, 0),
            edges(height, rows, padding[0][0], grad.shape[1]),
            edges(width, columns, padding[1][0], grad.shape[2]),
            (0, 0, 0),
        ),
    )
    none = ((0, 0), (0, 0))
    flipped = kernel[::-1, ::-1]
    x_grad = _shifted_sum(_windows(spread, (rows, columns), none, 1, dilation), flipped)
    return x_grad, kernel_grad


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)
