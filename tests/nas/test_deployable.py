"""What the Edge TPU would not map, told from an architecture, as the judge of files tells it."""

import pytest

from nas.architecture import Architecture
from nas.blocks.activations import ACTIVATIONS
from nas.deployable import block_reasons, deployable, make_deployable
from nas.trace import trace_block
from search_spaces.zoo import zoo
from tests.nas.blocks.examples import EXAMPLES, block_of
from tests.nas.blocks.test_contract_of_export import UNMAPPED, UNMAPPED_ACTIVATIONS

# One of each family whose ops differ, small ones.
NETWORKS = (
    *("efficientnet-lite0", "mnasnet-a1", "mobilenet-v1-0.25-128", "mobilenet-v2", "mobilenet-v3-small"),
    *("mobilenet-v3-small-minimalistic", "nasnet-a-mobile", "amoebanet-a-mobile", "shufflenet-v1-g1", "squeezenet-1.1"),
    *("shufflenet-v2-0.5x", "resnet-50-v2", "densenet-121", "inception-v1", "darknet-19", "vgg-11", "mnist-conv"),
)
NOT = ("mobilenet-v3-large", "mobilenet-v3-small", "nasnet", "amoebanet", "shufflenet-v1", "darknet")


def network(activation, block="mbconv k3 s1 e2 c16"):
    text = f"input 16x16x3\nstem conv k3 s2 c16 act=relu6\nstage {block} act={activation}\nhead pool\nhead dense c10\n"
    return Architecture.parse(text)


@pytest.mark.parametrize("name", NETWORKS)
def test_deployable_network_of_the_zoo(name):
    """As `benchmarks/results/zoo_export.md` has it of the files of a network of each family."""
    minimal = name == "mobilenet-v3-small-minimalistic" or "minimalistic" in name
    assert bool(deployable(zoo(name))) == (name.startswith(NOT) and not minimal)


@pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
def test_deployable_block_as_its_file_is_judged(line, in_shape):
    reasons = block_reasons(trace_block(block_of(line), in_shape))
    assert bool(reasons) == (line in UNMAPPED), reasons
    assert not reasons or reasons[0].startswith(UNMAPPED[line])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_deployable_activation_as_its_file_is_judged(name):
    reasons = deployable(network(name))
    assert bool(reasons) == (name in (*UNMAPPED_ACTIVATIONS, "gelu"))
    assert not reasons or UNMAPPED_ACTIVATIONS.get(name, "GELU") in reasons[0]


def test_deployable_reason_names_block_and_source():
    (reason,) = deployable(network("hard-swish"))
    assert reason.startswith("stage1.block1 (mbconv): HARD_SWISH is not mapped")
    assert "recollection, not documentation" in reason


@pytest.mark.parametrize("name", ["mobilenet-v3-small", "darknet-53", "shufflenet-v1-g3"])
def test_make_deployable_leaves_nothing_unmapped(name):
    architecture, changes = make_deployable(zoo(name))
    assert changes
    assert not deployable(architecture)
    assert all("relu6" in change.after for change in changes)


def test_make_deployable_by_swish_and_without_squeeze():
    before = network("hard-swish", "mbconv k3 s1 e2 c16 se0.25")
    swish, _ = make_deployable(before, "swish")
    assert "act=swish" in swish.text
    assert "se0.25" in swish.text
    bare, (change,) = make_deployable(before, "swish", squeeze=False)
    assert "se0.25" in change.before
    assert "se0.25" not in bare.text


def test_make_deployable_looks_inside_squeeze_and_excitation():
    before = network("relu6", "mbconv k3 s1 e2 c16 se0.25 se_activation=hard-swish")
    assert deployable(before)
    after, (change,) = make_deployable(before)
    assert "se_activation=relu6" in change.after
    assert not deployable(after)
    bare, (change,) = make_deployable(before, squeeze=False)
    assert "se0 se_activation=hard-swish" in change.after
    assert not deployable(bare)


def test_make_deployable_leaves_what_maps_as_it_is():
    assert make_deployable(zoo("mobilenet-v2")) == (zoo("mobilenet-v2"), ())
