import math

import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling.scale import natural_divisor, scale, total_stride

SMALL = Architecture.parse(
    """
    input 32x32x3
    stem conv k3 s2 c16
    stem max_pool k3 s2
    stage fused_mbconv k3 e4 c16 expand_from=16 x1
    stage mbconv k3 s2 e6 c24 x2
    stage conv g3 c48 x3
    head conv k1 c64
    head pool
    head dropout rate=0.1
    head dense c10
    """
)


def widths(architecture: Architecture) -> list[object]:
    return [layer.get("channels") for layer in architecture.layers if layer.get("channels")]


def repeats(architecture: Architecture) -> list[int]:
    return [layer.repeats for layer in architecture.layers if layer.part == "stage"]


def test_scale_by_one_changes_nothing() -> None:
    assert scale(SMALL) == SMALL


def test_scale_widens_everything_but_the_classes() -> None:
    wider = scale(SMALL, width=2)
    assert widths(wider) == [32, 32, 48, 96, 128, 10]
    assert wider.layers[2].get("expand_from") == 32


def test_scale_keeps_widths_divisible_by_groups() -> None:
    grouped = scale(SMALL, width=1.4)
    assert widths(grouped) == [24, 24, 48, 72, 88, 10]
    assert trace(grouped).out_shape == (10,)


def test_scale_keeps_the_inside_of_bottlenecks_divisible_by_groups() -> None:
    resnext = Architecture.parse("input 8x8x3\nstem conv c64\nstage bottleneck g8 e2 c64\nhead dense c10")
    assert trace(scale(resnext, width=1.3)).out_shape == (10,)


def test_scale_deepens_stages_only_and_rounds_up() -> None:
    deeper = scale(SMALL, depth=1.2)
    assert repeats(deeper) == [2, 3, 4]
    assert all(layer.repeats == 1 for layer in deeper.layers if layer.part != "stage")


def test_scale_deepens_to_the_nearest() -> None:
    assert repeats(scale(SMALL, depth=1.2, rounding="nearest")) == [1, 2, 4]


def test_scale_leaves_pools_between_stages_single() -> None:
    text = "input 16x16x3\nstage conv c8 x2\nstage max_pool\nstage conv c8\nhead dense c10"
    assert repeats(scale(Architecture.parse(text), depth=2)) == [4, 1, 2]


def test_scale_deepens_blocks_that_repeat_inside() -> None:
    cells = Architecture.parse("input 32x32x3\nstage nasnet_a c8 stages=1\nhead pool\nhead dense c10")
    assert scale(cells, depth=1.5).layers[0].get("cells") == 6
    assert scale(cells, width=1.5).layers[0].get("channels") == 12
    assert total_stride(cells) == 4


def test_scale_fixed_parts_and_ends() -> None:
    lite = scale(SMALL, 2, 2, fixed_parts=("stem", "head"), fixed_ends=True)
    assert widths(lite) == [16, 32, 48, 96, 64, 10]
    assert repeats(lite) == [1, 4, 3]


def test_scale_sets_the_resolution() -> None:
    assert scale(SMALL, resolution=48).resolution == 48


def test_scale_adds_to_each_dropout_its_own() -> None:
    lines = ("input 8x8x3", "head dropout rate=0.1", "head dense c20", "head dropout rate=0.5", "head dense c10")
    two = Architecture.parse("\n".join(lines))
    for more, expected in ((0.2, [0.3, 0.7]), (0.6, [0.7, 0.95]), (0, [0.1, 0.5])):
        scaled = scale(two, dropout=more)
        assert [layer.get("rate") for layer in scaled.layers if layer.block == "dropout"] == expected


@pytest.mark.parametrize("stage", ["fire squeeze=17 c128", "shuffle_v2 c128"])
def test_scale_keeps_blocks_of_two_halves_even(stage: str) -> None:
    halves = Architecture.parse(f"input 8x8x3\nstem conv c8\nstage {stage}\nhead pool\nhead dense c10")
    wider = scale(halves, width=1.1, divisor=1)
    assert widths(wider) == [8, 140, 10]
    assert trace(wider).out_shape == (10,)


def test_scale_rounds_to_the_divisor_given() -> None:
    assert widths(scale(SMALL, width=1.2, divisor=1)) == [19, 19, 30, 57, 77, 10]


@pytest.mark.parametrize(("channels", "divisor"), [((16, 24), 8), ((8, 24), 4), ((16, 20), 4), ((6, 10), 2), ((5,), 1)])
def test_natural_divisor_is_no_coarser_than_the_network(channels: tuple[int, ...], divisor: int) -> None:
    stages = "\n".join(f"stage conv c{c}" for c in channels)
    assert natural_divisor(Architecture.parse(f"input 8x8x3\n{stages}\nhead dense c10")) == divisor


def test_total_stride_counts_pools_and_defaults() -> None:
    assert total_stride(SMALL) == 8


def test_scale_leaves_a_network_of_fewer_pixels_than_its_strides_as_it_is() -> None:
    tiny = scale(SMALL, resolution=8).with_input(4, 3)
    assert scale(tiny) == tiny
    assert scale(tiny, resolution=5).resolution == 5
    with pytest.raises(InputError, match=r"resolution 3 is smaller .* divide it by 8; expected at least 4"):
        scale(tiny, resolution=3)


def test_scale_refuses_a_resolution_smaller_than_the_strides() -> None:
    assert scale(SMALL, resolution=8).resolution == 8
    with pytest.raises(InputError, match=r"resolution 7 is smaller .* expected at least 8"):
        scale(SMALL, resolution=7)


@pytest.mark.parametrize("factor", [0, -1, 101, math.nan])
@pytest.mark.parametrize("dimension", ["width", "depth"])
def test_scale_refuses_factors_out_of_range(dimension: str, factor: float) -> None:
    with pytest.raises(InputError, match=f"{dimension} factor is .* expected"):
        scale(SMALL, **{dimension: factor})


def test_scale_refuses_to_deepen_a_network_without_stages() -> None:
    perceptron = Architecture.parse("input 28x28x1\nhead dense c512 act=relu\nhead dense c10")
    assert widths(scale(perceptron, width=2)) == [1024, 10]
    with pytest.raises(InputError, match="no stage to repeat"):
        scale(perceptron, depth=2)


def test_scale_refuses_to_widen_a_network_without_widths() -> None:
    linear = Architecture.parse("input 28x28x1\nhead dense c10")
    with pytest.raises(InputError, match="no widths but its classes"):
        scale(linear, width=2)
