"""XLA's own convolution, and what makes it and its gradients faster on CPUs."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

Padding = tuple[tuple[int, int], tuple[int, int]]
Kernel = int | tuple[int, int]  # of rows and columns alike, or of each
Stride = Kernel
PARTS = 4  # of a batch at most, in which gradients of kernels are computed
PART = 16  # pictures at least in each


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number for rows and columns alike as two."""
    return (value, value) if isinstance(value, int) else value


def library_convolution(
    x: jax.Array, kernel: jax.Array, padding: Padding, stride: Stride, dilation: int, groups: int
) -> jax.Array:
    """One `conv_general_dilated` of (B, H, W, C) with (kh, kw, C / groups, D)."""
    return lax.conv_general_dilated(
        x,
        kernel,
        pair(stride),
        padding,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def dense_convolution(x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int) -> jax.Array:
    """The library's convolution, in the forms of it and of its gradients that take CPUs the least time."""
    return _several_at_once(x, kernel, padding, stride, dilation)


def _several_at_once(x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int) -> jax.Array:
    """A convolution of few channels to few, with neighbouring outputs of a row computed as channels of one.

    XLA is slow to multiply by a kernel of few columns. Copies of the kernel side by side, each a stride
    further to the right, cost some multiplications by zero, and less time (benchmarks/convolutions.py).
    """
    batch, rows, width, _ = jax.eval_shape(
        lambda x, kernel: library_convolution(x, kernel, padding, stride, dilation, 1), x, kernel
    ).shape
    count = _neighbours(kernel.shape, width) if dilation == 1 else 1
    if count > 1:
        shifts = [(stride * index, stride * (count - 1 - index)) for index in range(count)]
        kernels = [jnp.pad(kernel, ((0, 0), shift, (0, 0), (0, 0))) for shift in shifts]
        y = library_convolution(x, jnp.concatenate(kernels, -1), padding, (stride, stride * count), 1, 1)
        return y.reshape(batch, rows, width, kernel.shape[3])
    return library_convolution(x, kernel, padding, stride, dilation, 1)


def _neighbours(kernel: tuple[int, ...], width: int) -> int:
    """How many outputs of a row of `width` are best computed at once by a kernel of this shape; 1: each by itself."""
    _, columns, channels, outputs = kernel
    if columns == 1 or channels > 16:
        return 1
    most = 64 if 1 < channels < 8 else 32
    return next(count for count in (4, 2, 1) if count == 1 or (width % count == 0 and outputs * count <= most))


def _forward(
    x: jax.Array, kernel: jax.Array, padding: Padding, stride: int, dilation: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _several_at_once(x, kernel, padding, stride, dilation), (x, kernel)


def _backward(
    padding: Padding, stride: int, dilation: int, saved: tuple[jax.Array, jax.Array], grad: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    # Of a large batch at once XLA takes more time for this than of its parts, of a small one less.
    parts = zip(*(jnp.split(pictures, _parts(pictures.shape[0])) for pictures in (x, grad)), strict=True)

    def of_kernel(x: jax.Array, grad: jax.Array) -> jax.Array:
        convolution = partial(library_convolution, x, padding=padding, stride=stride, dilation=dilation, groups=1)
        gradient: jax.Array = jax.vjp(convolution, kernel)[1](grad)[0]
        return gradient

    kernel_grad = reduce(lax.add, (of_kernel(*part) for part in parts))
    if dilation == 1:
        return _of_input(grad, kernel, x.shape, padding, stride), kernel_grad
    of_input = jax.vjp(lambda x: library_convolution(x, kernel, padding, stride, dilation, 1), x)[1]
    return of_input(grad)[0], kernel_grad


def _parts(batch: int) -> int:
    """In how many parts of one size a batch is best."""
    return next((count for count in range(min(PARTS, batch // PART), 1, -1) if batch % count == 0), 1)


def _of_input(grad: jax.Array, kernel: jax.Array, shape: tuple[int, ...], padding: Padding, stride: int) -> jax.Array:
    """The gradient of the input, of `shape` (B, H, W, C): the flipped kernel slid over that of the output.

    With a stride each output's gradient goes to stride * stride places of the input, by as many kernels, of every
    stride-th row and column. They are computed as channels of one convolution without a stride: XLA's own slides
    the whole kernel over a gradient with zeros between, which takes longer of few channels
    (benchmarks/convolutions.py).
    """
    zeros, slides, tiles, taps = [], [], [], []
    for size, length, outputs, (before, _) in zip(kernel.shape[:2], shape[1:3], grad.shape[1:3], padding, strict=True):
        lead = -before % stride  # zeros before the kernel, for it to begin at a multiple of the stride
        taps.append(-(-(size + lead) // stride))
        tiles.append(-(-length // stride))
        zeros.append((lead, taps[-1] * stride - size - lead))
        skipped = (before + lead) // stride
        slides.append((taps[-1] - 1 - skipped, tiles[-1] - outputs + skipped))
    channels, outputs = kernel.shape[2:]
    phases = jnp.pad(kernel, (*zeros, (0, 0), (0, 0))).reshape(taps[0], stride, taps[1], stride, channels, outputs)
    flipped = phases.transpose(0, 2, 5, 1, 3, 4)[::-1, ::-1].reshape(*taps, outputs, stride * stride * channels)
    tiled = _several_at_once(grad, flipped, (slides[0], slides[1]), 1, 1)
    rows = tiled.reshape(shape[0], *tiles, stride, stride, channels).swapaxes(2, 3)
    return rows.reshape(shape[0], tiles[0] * stride, tiles[1] * stride, channels)[:, : shape[1], : shape[2]]


dense_convolution.defvjp(_forward, _backward)
