"""Bytes and cycles of single ops, against what the published compiler made of them."""

import pytest

from nas.latency import layout
from nas.ops import Op


def conv(in_channels: int, out_channels: int, size: int = 16, kernel: int = 1, groups: int = 1) -> Op:
    weights = kernel**2 * in_channels // groups * out_channels
    shape = (size, size)
    return Op(
        "conv", (*shape, in_channels), (*shape, out_channels), (0,), 1, (kernel, kernel), groups=groups, weights=weights
    )


@pytest.mark.parametrize(("width", "published_mib"), [(32, 0.074951), (132, 0.88403), (42, 0.10132)])
def test_weight_bytes_of_the_published_int8_sweep(width: int, published_mib: float) -> None:
    layers = [conv(3, width, 64, 3)] + [conv(width, width, 64, 3)] * 4

    total = sum(layout.weight_bytes(op) for op in layers)

    assert total / 2**20 == pytest.approx(published_mib, rel=2e-5)


def test_weight_bytes_of_older_uint8_models_are_packed_closer() -> None:
    # Fifteen more 7x7 convolutions of 32 channels added this much to a compiled model.
    assert layout.weight_bytes(conv(32, 32, 128, 7), per_channel=False) * 15 == 1213888 - 459328


def test_conv_cycles_are_the_macs_over_4096_where_all_divides() -> None:
    op = conv(64, 128, 16, 3)

    assert layout.conv_cycles(op) == 16 * 16 * 9 * 64 * 128 / 4096


@pytest.mark.parametrize(("size", "whole"), [(15, 16), (13, 16), (5, 8)])
def test_conv_cycles_round_up_to_whole_tiles(size: int, whole: int) -> None:
    assert layout.conv_cycles(conv(64, 64, size)) == layout.conv_cycles(conv(64, 64, whole))


def test_conv_cycles_round_up_to_whole_cells() -> None:
    assert layout.conv_cycles(conv(64, 65)) == layout.conv_cycles(conv(64, 128))
    assert layout.conv_cycles(conv(61, 64)) == layout.conv_cycles(conv(64, 64))
    assert layout.conv_cycles(conv(64, 32)) == layout.conv_cycles(conv(64, 64)) / 2


def test_conv_cycles_of_one_pixel_use_all_tiles() -> None:
    assert layout.conv_cycles(conv(1280, 1024, 1)) == 1280 * 1024 / 4096


def test_conv_cycles_of_groups_lose_cells() -> None:
    grouped, whole = layout.conv_cycles(conv(64, 64, groups=8)), layout.conv_cycles(conv(64, 64))

    assert whole / 8 < grouped < whole


def test_peak_bytes_counts_a_shortcut_kept_alive() -> None:
    shape = (8, 8, 64)
    first = Op("conv", shape, shape, (0,), 1)
    second = Op("conv", shape, shape, (1,), 2)
    plain = layout.peak_bytes((first, second), shape)

    held = layout.peak_bytes((first, second, Op("add", shape, shape, (0, 2), 3)), shape)

    assert plain == 2 * 8 * 8 * 64
    assert held == 3 * 8 * 8 * 64
