"""A larger network that computes what a smaller one does, whatever blocks both are made of."""

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import initialise
from nas.train.names import network_arrays
from nas.train.transfer import Start, take_over
from scaling import scale
from scaling.grow import SAME, grow, widened
from scaling.identity import applied


def network(stage):
    return Architecture.parse(
        f"input 6x6x3\nstem conv k3 c8 act=relu6\nstage {stage} c12 s2 x2\nhead pool\nhead dense c5"
    )


def trained(architecture):
    """Arrays as a training leaves them: nothing is 0 or 1 any more."""
    generator = np.random.default_rng(1)
    arrays = {}
    for name, array in network_arrays(initialise(architecture)).items():
        noise = generator.standard_normal(array.shape).astype(np.float32)
        arrays[name] = array * np.exp(0.3 * noise) if name.endswith("var") else array + 0.1 * noise
    return arrays


def outputs(architecture, arrays, pictures):
    module = initialise(architecture)
    take_over(module, Start("arrays", arrays))
    for _, block in module.blocks():
        pictures = applied(block, pictures)
    return np.asarray(pictures)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(2).uniform(-1, 1, (8, 6, 6, 3)).astype(np.float32)


def test_grown_computes_the_same_of_any_pictures(pictures):
    small = network("mbconv e2 se0.25 act=swish")
    arrays, large = trained(small), scale(small, 1.5, 2)
    grown = grow(small, arrays, large)
    assert (grown.same, grown.added, grown.first) == (True, 2, "")
    before, after = outputs(small, arrays, pictures), outputs(large, grown.arrays, pictures)
    assert np.abs(before - after).max() <= SAME * np.abs(before).max()


@pytest.mark.parametrize("stage", ["fused_mbconv e2", "residual", "conv", "separable"])
def test_blocks_with_skips_and_lines_of_convolutions_stay_the_same(stage):
    small = network(stage)
    assert grow(small, trained(small), scale(small, 1.5, 1.5)).same


def test_added_blocks_can_learn():
    """The norm that is zero is the last of its branch: a gradient reaches it, and nothing is dead."""
    small = network("bottleneck e2")
    grown = grow(small, trained(small), scale(small, 1, 2))
    assert grown.same
    added = {name for name, array in grown.arrays.items() if name.endswith("norm.scale") and not array.any()}
    assert added == {"stage1.block3.expand.norm.scale", "stage1.block4.expand.norm.scale"}


def test_a_larger_resolution_is_compared_at_the_smaller_one():
    small = network("residual")
    assert grow(small, trained(small), scale(small, 1.5, 1, 9)).same


@pytest.mark.parametrize("stage", ["mbconv e2 skip=0", "separable se0.5"])
def test_what_cannot_be_the_same_says_from_where(stage):
    small = network(stage)
    grown = grow(small, trained(small), scale(small, 1, 1.5))
    assert not grown.same
    assert str(grown).startswith("1 blocks added, computes nearly the same: outputs differ by ")
    assert "from stage1.block3 on" in str(grown)


def test_added_blocks_that_change_the_channels_begin_fresh():
    stage = "stage dense_layer growth=4 x2"
    small = Architecture.parse(f"input 6x6x3\nstem conv c8\n{stage}\nstage transition\n{stage}\nhead dense c5")
    grown = grow(small, trained(small), scale(small, 1, 1.5))
    assert str(grown).startswith("2 blocks added, computes nearly the same: outputs differ by ")
    assert grown.arrays["stage1.block3.conv.kernel"].any()


def test_dense_layers_are_added_as_the_identity():
    small = Architecture.parse("input 6x6x3\nstage dense c12 act=relu\nhead dense c5")
    grown = grow(small, trained(small), scale(small, 1, 2))
    assert (grown.same, grown.added) == (True, 1)


def test_other_classes_begin_fresh():
    small = network("residual")
    grown = grow(small, trained(small), small.with_classes(7))
    assert grown.difference is None
    assert grown.arrays["head2.block1.conv.kernel"].shape[-1] == 7


def test_kernels_are_widened_in_their_middle():
    old, new = np.ones((3, 3, 2, 4)), np.full((5, 5, 3, 6), 9.0)
    result = widened(old, new)
    assert (result[1:4, 1:4, :2, :4] == 1).all()
    assert result[..., :4].sum() == old.sum()
    assert (result[..., 4:] == 9).all()


@pytest.mark.parametrize(
    ("large", "said"),
    [
        (network("conv"), "line 2 of the weights' network: found 'stage residual .*'; expected a stage of conv"),
        (scale(network("residual"), 0.5), "line 1 of the weights' network: .* expected no more than 'stem"),
        (Architecture.parse("input 6x6x3\nhead dense c5"), "found weights of 4 lines; .* the 1 lines"),
        (network("residual").with_input(channels=1), "found weights for pictures with 3 channels; expected 1"),
    ],
)
def test_what_is_no_larger_network_is_refused(large, said):
    with pytest.raises(InputError, match=said):
        grow(network("residual"), {}, large)
