"""The zoo's counts against the published figures, and the reasons where they differ."""

import csv
import math

import pytest

from nas.memory import FORMATS, memory
from nas.ops import Trace
from nas.trace import trace, trace_block
from search_spaces.zoo import zoo, zoo_names
from search_spaces.zoo.figures import COUNTED, FOLDER, Published, count, counted, published

with (FOLDER / "published.csv").open(encoding="utf-8") as _file:
    PUBLISHED = [row["name"] for row in csv.DictReader(_file)]


def figures(name: str) -> Published:
    found = published(name)
    assert found is not None
    return found


def traced(name: str) -> Trace:
    return trace(zoo(name), name)


@pytest.mark.parametrize("name", zoo_names())
def test_table_holds_what_the_trace_counts(name: str) -> None:
    assert counted(name) == count(zoo(name), name), "write it anew: python -m search_spaces.zoo.figures"


def test_table_is_of_these_very_networks() -> None:
    with COUNTED.open(encoding="utf-8") as file:
        digests = {row["name"]: row["digest"] for row in csv.DictReader(file)}
    assert digests == {name: zoo(name).digest for name in zoo_names()}


def test_network_that_is_not_in_the_table_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_spaces.zoo.figures._rows", lambda _: {})
    assert counted("mnist-conv").params == 1_199_882


def test_counts_of_the_whole_zoo_need_no_trace() -> None:
    before = trace_block.cache_info()
    for name in zoo_names():
        counted(name)
    assert trace_block.cache_info() == before


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_are_met_or_the_difference_is_explained(name: str) -> None:
    row, counts = figures(name), counted(name)
    assert row.source
    if row.params is not None:
        assert counts.params == row.params
    if row.macs_m is not None:
        assert abs(counts.macs / 1e6 / row.macs_m - 1) <= 0.01 or row.note


def test_every_published_figure_is_of_a_network_in_the_zoo() -> None:
    assert set(PUBLISHED) <= set(zoo_names())
    assert len(PUBLISHED) == len(set(PUBLISHED))


def test_networks_without_a_published_figure_have_none() -> None:
    assert published("mnist-conv") is None


# What the notes claim, computed.


@pytest.mark.parametrize("resolution", [224, 192, 160, 128])
def test_mobilenet_v1_at_three_quarters_without_its_stem(resolution: int) -> None:
    name = f"mobilenet-v1-0.75-{resolution}"
    network = traced(name)
    assert round((network.macs - network.layers[0].block.macs) / 1e6) == figures(name).macs_m


@pytest.mark.parametrize("network", ["g1", "g2", "g3", "g4", "g8", "g8-0.5x"])
def test_shufflenet_without_its_classifier(network: str) -> None:
    name = f"shufflenet-v1-{network}"
    whole = traced(name)
    assert round((whole.macs - whole.layers[-1].block.macs) / 1e6) == figures(name).macs_m


@pytest.mark.parametrize(("width", "channels"), [("1.0", 116), ("1.5", 176), ("2.0", 244)])
def test_shufflenet_v2_with_the_first_unit_of_its_authors(width: str, channels: int) -> None:
    name, half = f"shufflenet-v2-{width}x", channels // 2
    ours = 24 * half + half * half  # the last convolution of each branch, 28x28 places
    theirs = 24 * 24 + half * (channels - 24)
    assert round((traced(name).macs + 28 * 28 * (theirs - ours)) / 1e6) == figures(name).macs_m


@pytest.mark.parametrize("size", range(5))
def test_efficientnet_lite_with_three_operations_for_every_output(size: int) -> None:
    name = f"efficientnet-lite{size}"
    network = traced(name)
    outputs = sum(math.prod(op.out_shape) for op in network.ops if op.kind in ("conv", "depthwise_conv"))
    assert (network.macs + 3 * outputs) / 1e6 == pytest.approx(figures(name).macs_m, rel=0.005)


def test_inception_v1_with_the_papers_first_convolution() -> None:
    network = traced("inception-v1")
    assert round(network.layers[0].block.macs / 1e6) == 118
    assert round((network.macs - network.layers[0].block.macs) / 1e6 + 34) == 1499


def test_se_resnet_50_with_strides_on_the_first_convolution() -> None:
    network = traced("se-resnet-50")
    firsts = [network.layers[index].block.ops[0] for index in (5, 9, 15)]  # of the stages that have a stride
    assert [op.in_shape[0] for op in firsts] == [56, 28, 14]
    saved = sum(op.macs - op.macs // 4 for op in firsts)
    assert round((network.macs - saved) / 1e6) == 3860


@pytest.mark.parametrize("name", ["squeezenet-1.1", "mobilenet-v1-0.25-128", "mobilenet-v3-small"])
def test_deployed_weights_are_the_parameters_less_the_scales_that_are_folded(name: str) -> None:
    folded = traced(name).statistics // 2  # a mean and a variance for each scale
    assert memory(traced(name), FORMATS[0]).weights == 4 * (traced(name).params - folded)
