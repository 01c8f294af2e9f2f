import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.blocks import convolution
from nas.blocks.convolution import convolve, library_convolutions, same_padding


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


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (3, 1, 2), (2, 1, 1), (1, 2, 1)])
@pytest.mark.parametrize("positions", [8, 4096])
def test_a_convolution_that_widens_equals_the_library_s(monkeypatch, positions, kernel, stride, dilation):
    monkeypatch.setattr(convolution, "POSITIONS", positions)
    require_equal_to_the_library((3, 7, 8, 24), (kernel, kernel, 24, 48), stride, dilation)


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


@pytest.mark.parametrize(("channels", "widened"), [(3, False), (8, True), (16, True), (32, False)])
def test_gradients_of_kernels_of_few_but_not_very_few_channels_take_several_outputs_at_once(channels, widened):
    def loss(kernel):
        return jnp.sum(convolve(jnp.zeros((1, 8, 8, channels)), kernel, ((1, 1), (1, 1))))

    program = str(jax.make_jaxpr(jax.grad(loss))(jnp.zeros((3, 3, channels, 16))))
    assert (f"f32[3,4,{channels},32] = conv_general" in program) == widened


def require_equal_to_the_library(picture, kernel, stride, dilation, groups=1):
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.standard_normal(picture, np.float32))
    weights = jnp.asarray(generator.standard_normal(kernel, np.float32))
    padding = same_padding(picture[1:3], kernel[:2], stride, dilation)

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
