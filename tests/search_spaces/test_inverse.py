"""From an architecture back to the choices that make it."""

from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from search_spaces import SearchSpace
from search_spaces.cover import covering
from search_spaces.inverse import choices_of
from search_spaces.zoo import zoo

SPACE = SearchSpace.parse(
    """
    input {16x16x1,24x24x1}
    stem  conv k3 c{8,16} act=relu6
    stage {mbconv,conv} k{3,5} s2 e{2,4} c{16,24} se{0,0.25} x{1,2} act={relu6,swish}
    stage conv k{stage1.kernel} c32 act=relu6
    head  pool
    head  dense c10
    """
)


def test_inverse_of_build():
    for architecture in covering(SPACE, 60):
        assert SPACE.build(choices_of(SPACE, architecture)) == architecture


def test_choices_that_make_no_difference_have_their_first_value():
    chosen = SPACE.first() | {"stage1.block": "conv", "stage1.kernel": 5, "stage1.expansion": 4}
    assert choices_of(SPACE, SPACE.build(chosen)) == chosen | {"stage1.expansion": 2}
    space = SearchSpace.parse("input 16x16x1\nstage mbconv c8 se{0,0.25} se_divisor={4,8}\nhead dense c10")
    chosen = {"stage1.se_ratio": 0, "stage1.se_divisor": 8}
    assert choices_of(space, space.build(chosen)) == chosen | {"stage1.se_divisor": 4}
    chosen = {"stage1.se_ratio": 0.25, "stage1.se_divisor": 8}
    assert choices_of(space, space.build(chosen)) == chosen


@pytest.mark.parametrize(
    "line", ["prepare normalise mean=0.5 std=0.25", "prepare normalise mean={0.4,0.5} std={0.25,0.5}"]
)
def test_a_space_with_a_line_that_prepares_the_input_finds_its_own(line):
    space = SearchSpace.parse(f"input 16x16x1\n{line}\nstem conv k{{3,5}} c8\nhead dense c10")
    for architecture in space.alternatives():
        assert space.build(choices_of(space, architecture)) == architecture
    bare = Architecture.parse("input 16x16x1\nstem conv k3 c8\nhead dense c10")
    with pytest.raises(InputError, match=r"^architecture: found 2 lines after the input; expected 3$"):
        choices_of(space, bare)


def test_a_space_to_which_preparation_is_added_finds_its_own_and_those_without():
    space = replace(SPACE, normalise=((0.5,), (0.25,)))
    architecture = space.build(space.first() | {"stage1.kernel": 5})
    assert architecture.layers[0].part == "prepare"
    assert choices_of(space, architecture) == choices_of(SPACE, architecture) == space.first() | {"stage1.kernel": 5}
    assert choices_of(space, SPACE.build(SPACE.first())) == space.first()


def test_a_zoo_network_in_a_space_around_it():
    network = zoo("mobilenet-v2")
    text = network.text.replace("k3 s2 e6 c24", "k{3,5} s2 e{3,6} c{16,24}", 1)
    assert text != network.text
    space = SearchSpace.parse(text)
    chosen = choices_of(space, network)
    assert space.build(chosen) == space.build(space.first() | {"stage2.expansion": 6, "stage2.channels": 24})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("16x16x1", "32x32x1", "input: found 32x32x1; expected one of 16x16x1, 24x24x1"),
        ("mbconv k3", "mbconv k7", "stage1: found kernel 7; expected one of 3, 5"),
        ("stage mbconv", "stage fused_mbconv", "stage1: found fused_mbconv; expected one of mbconv, conv"),
        ("stage mbconv k3", "stage mbconv k5", "stage2: found 3; expected 5, as chosen for stage1.kernel"),
        ("head dense", "stage dense", "head2: found stage dense; expected a line of head"),
        ("c32 act=relu6", "c32 act=relu", "stage2: found activation relu; expected relu6"),
        ("c32 act=relu6", "c32 act=relu6 x2", "stage2: found repeats 2; expected 1"),
        ("head pool", "head pool\nhead pool", "architecture: found 6 lines after the input; expected 5"),
    ],
)
def test_the_first_difference_is_said(old, new, message):
    text = " ".join(SPACE.build(SPACE.first()).text.replace("\n", "\n ").split(" "))
    words = "\n".join(" ".join(line.split()) for line in text.splitlines())
    assert old in words
    with pytest.raises(InputError, match=f"^{message}$"):
        choices_of(SPACE, Architecture.parse(words.replace(old, new)))
