import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.blocks.convolution import convolve, library_convolutions, padding_of, same_padding


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups"),
    [
        (1, 1, 1, 1),
        (1, 2, 1, 1),
        (3, 1, 1, 6),
        (3, 2, 1, 6),
        (5, 2, 1, 6),
        (5, 1, 2, 6),
        (3, 3, 1, 6),
        (3, 2, 1, 2),
        (3, 1, 1, 1),
        (5, 2, 1, 1),
        (3, 1, 2, 1),
    ],
)
def test_fast_convolution_and_gradients_equal_the_library(size, kernel, stride, dilation, groups):
    require_equal_to_the_library((2, size, size, 6), (kernel, kernel, 6 // groups, 6), stride, dilation, groups)


@pytest.mark.parametrize("padding", ["same", "symmetric", "valid", "ceil"])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (5, 2), (7, 2), (3, 3), (4, 3), (2, 4)])
@pytest.mark.parametrize("size", [(8, 12), (9, 7)])
def test_gradients_of_a_convolution_with_a_stride_equal_the_library_s(padding, kernel, stride, size):
    pads = padding_of(padding, size, (kernel, kernel), stride)
    require_equal_to_the_library((2, *size, 5), (kernel, kernel, 5, 7), stride, 1, padding=pads)


@pytest.mark.parametrize("batch", [1, 7, 48])
def test_gradients_of_kernels_from_parts_of_a_batch_equal_the_library_s(batch):
    require_equal_to_the_library((batch, 6, 6, 4), (3, 3, 4, 20), 1, 1)


@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "stride", "width"),
    [
        (1, 8, 3, 1, 8),
        (1, 16, 3, 1, 6),
        (3, 16, 3, 1, 5),
        (3, 16, 3, 2, 8),
        (3, 32, 5, 2, 4),
        (8, 8, 3, 1, 8),
        (16, 16, 2, 1, 8),
        (16, 16, 3, 2, 6),
        (16, 40, 3, 1, 6),
    ],
)
def test_outputs_computed_side_by_side_equal_the_library_s(channels, outputs, kernel, stride, width):
    require_equal_to_the_library((4, 7, width * stride, channels), (kernel, kernel, channels, outputs), stride, 1)


def test_narrow_convolutions_compute_several_outputs_at_once():
    def strides(width, outputs):
        arguments = jnp.zeros((1, 8, width, 3)), jnp.zeros((3, 3, 3, outputs))
        program = str(jax.make_jaxpr(lambda x, kernel: convolve(x, kernel, ((1, 1), (1, 1))))(*arguments))
        return program.split("window_strides=")[1].splitlines()[0]

    found = [strides(width, outputs) for width, outputs in [(8, 16), (6, 16), (7, 16), (8, 32), (8, 64)]]
    assert found == ["(1, 4)", "(1, 2)", "(1, 1)", "(1, 2)", "(1, 1)"]


@pytest.mark.parametrize(("batch", "parts"), [(8, 1), (16, 1), (31, 1), (32, 2), (48, 3), (50, 2), (64, 4), (128, 4)])
def test_gradients_of_kernels_are_computed_of_parts_of_a_large_batch(batch, parts):
    def loss(kernel):
        return jnp.sum(convolve(jnp.zeros((batch, 8, 8, 24)), kernel, ((1, 1), (1, 1))))

    program = str(jax.make_jaxpr(jax.grad(loss))(jnp.zeros((3, 3, 24, 24))))
    assert program.count("f32[3,3,24,24] = conv_general") == parts


def require_equal_to_the_library(picture, kernel, stride, dilation, groups=1, padding=None):
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.standard_normal(picture, np.float32))
    weights = jnp.asarray(generator.standard_normal(kernel, np.float32))
    padding = padding or same_padding(picture[1:3], kernel[:2], stride, dilation)

    def loss(x, weights):
        y = convolve(x, weights, padding, stride, dilation, groups)
        return jnp.sum(jnp.sin(y)), y

    def found():
        (_, y), gradients = jax.value_and_grad(loss, (0, 1), has_aux=True)(x, weights)
        return y, gradients

    fast = found()
    with library_convolutions():
        library = found()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max()), fast, library)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"), [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 1, (2, 2))]
)
def test_same_padding_puts_the_odd_row_at_the_end(size, kernel, stride, expected):
    assert same_padding((size, size), (kernel, kernel), stride)[0] == expected


def test_library_convolutions_stay_one_operation():
    def depthwise(x, weights):
        return convolve(x, weights, ((1, 1), (1, 1)), groups=4)

    arguments = jnp.zeros((1, 8, 8, 4)), jnp.zeros((3, 3, 1, 4))
    assert "conv_general_dilated" not in str(jax.make_jaxpr(lambda *a: depthwise(*a))(*arguments))
    with library_convolutions():
        assert "conv_general_dilated" in str(jax.make_jaxpr(lambda *a: depthwise(*a))(*arguments))
