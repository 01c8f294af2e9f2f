"""NAS-Bench-201 as a space of the project, against what its publishers say of its networks."""

import pytest

from nas.blocks.nasbench201 import EDGES
from nas.errors import InputError
from nas.trace import trace
from search_spaces import load_space
from search_spaces.nasbench201 import from_operations, from_string


def test_the_space_has_every_cell_once():
    space = load_space("nasbench201")

    assert space.size == 5**6
    assert list(space.choices) == [f"stage1.{edge}" for edge in EDGES]


@pytest.mark.parametrize(
    ("operation", "params", "macs"),
    [("nor_conv_3x3", 1.531546e6, 220.11968e6), ("skip_connect", 0.073306e6, 7.78304e6)],
)
def test_published_parameters_and_flops(operation, params, macs):
    traced = trace(from_operations([operation] * 6))

    assert traced.params == params
    assert traced.macs == macs


def test_all_stages_have_the_same_cell():
    architecture = from_operations(
        ["nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "skip_connect"]
    )

    cells = [layer for layer in architecture.layers if layer.block == "nasbench201"]
    assert [layer.get("channels") for layer in cells] == [16, 32, 64]
    assert {layer.with_options(channels=0) for layer in cells} == {cells[0].with_options(channels=0)}
    assert cells[0].get("ac") is None


def test_the_benchmark_s_own_spelling():
    text = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|"

    assert from_string(text) == from_operations(
        ["nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "skip_connect"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "|none~0|",
        "|none~0|+|none~1|none~0|+|none~0|none~1|none~2|",
        "|none~0|+\n",
        "|none~0|+anything+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|+",
    ],
)
def test_cells_that_cannot_be_read(text):
    with pytest.raises(InputError, match="NAS-Bench-201 cell: found") as caught:
        from_string(text)
    assert "\n" not in str(caught.value)


def test_operations_that_cannot_be_used():
    with pytest.raises(InputError, match="found 5 operations; expected 6"):
        from_operations(["none"] * 5)
    with pytest.raises(InputError, match=r"stage1\.cd: found 'conv'; expected one of none, skip_connect"):
        from_operations(["none"] * 5 + ["conv"])
