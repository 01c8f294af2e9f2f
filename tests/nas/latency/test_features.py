"""What a predictor sees of a block."""

import pytest

from nas.architecture import Architecture
from nas.latency.features import QUANTITIES, facts, kind_of, widened
from nas.ops import Op
from nas.trace import trace

PICTURE = (8, 8, 16)


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Op("conv", PICTURE, PICTURE, (0,), 1), "conv 1x1"),
        (Op("conv", PICTURE, (4, 4, 16), (0,), 1, (3, 3), stride=2, dilation=2, groups=4), "conv 3x3 s2 d2 grouped"),
        (Op("depthwise_conv", PICTURE, PICTURE, (0,), 1, (5, 5), groups=16), "depthwise_conv 5x5"),
        (Op("average_pool", PICTURE, (1, 1, 16), (0,), 1, (8, 8), stride=8), "average_pool whole"),
        (Op("average_pool", PICTURE, PICTURE, (0,), 1, (3, 3)), "average_pool 3x3"),
        (Op("activation", PICTURE, PICTURE, (0,), 1, activation="swish"), "activation swish"),
        (Op("add", PICTURE, PICTURE, (0, 1), 2), "add"),
    ],
)
def test_kinds_of_ops(op: Op, words: str) -> None:
    assert kind_of(op) == words


def test_sums_of_a_block_are_its_traces() -> None:
    block = trace(Architecture.parse("input 16x16x3\nstage mbconv k3 e4 c12\nhead dense c10")).layers[0].block

    found = facts(block)

    millions = sum(amount for (_, quantity), amount in found.sums.items() if quantity == "macs")
    assert millions * 1e6 == pytest.approx(block.macs)
    assert {quantity for _, quantity in found.sums} <= set(QUANTITIES)
    assert found.sums["conv 1x1", "ops"] == 2
    assert found.extremes["conv 1x1"] == (16, 3, 12, 16, 12, 12)
    assert found.sums["conv 1x1", "padded_macs"] > found.sums["conv 1x1", "macs"]


def test_idle_ops_are_kinds_of_their_own() -> None:
    cell = "stage nasbench201 c16 ab=nor_conv_3x3 ac=avg_pool_3x3 bc=nor_conv_1x1 ad=skip_connect"
    block = trace(Architecture.parse(f"input 8x8x16\n{cell}\nhead dense c10")).layers[0].block

    assert set(facts(block).extremes) == {
        "idle activation relu",
        "idle average_pool 3x3",
        "idle conv 1x1",
        "idle conv 3x3",
        "unread add",
    }


def test_widened_holds_both() -> None:
    assert widened(None, (1, 2, 3, 4, 5, 6)) == (1, 2, 3, 4, 5, 6)
    assert widened((1, 2, 3, 4, 5, 6), (2, 1, 3, 9, 1, 6)) == (1, 1, 3, 9, 5, 6)
