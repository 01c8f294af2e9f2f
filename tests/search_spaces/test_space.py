import pytest

from nas.errors import InputError
from nas.network import steps
from search_spaces import SearchSpace, load_space, space_names

TEXT = """# a comment before the input
input 16x16x1
stem  conv k3 c{8,16} act=relu6
stage {mbconv,conv} k{3,5} s2 e{2,4} c16 se{0,0.25} x{1,2} act=relu6
head  pool
head  dense c10
"""


def space_with(line):
    return SearchSpace.parse(f"input 16x16x1\n{line}\nhead dense c10", "space.arch")


def test_choices_are_named_after_their_place():
    assert SearchSpace.parse(TEXT).choices == {
        "stem1.channels": (8, 16),
        "stage1.block": ("mbconv", "conv"),
        "stage1.kernel": (3, 5),
        "stage1.expansion": (2, 4),
        "stage1.se_ratio": (0, 0.25),
        "stage1.repeats": (1, 2),
    }
    assert SearchSpace.parse(TEXT).size == 64


def test_braces_may_repeat_an_earlier_choice():
    space = SearchSpace.parse(
        "input 16x16x1\nstage {conv,mbconv} k{3,5} c8\nstage conv k{stage1.kernel} c16\nhead dense c10"
    )
    assert space.choices == {"stage1.block": ("conv", "mbconv"), "stage1.kernel": (3, 5)}
    built = space.build({"stage1.block": "mbconv", "stage1.kernel": 5})
    assert [layer.get("kernel") for layer in built.layers[:2]] == [5, 5]


def test_an_earlier_choice_that_is_not_there_is_refused():
    text = "input 16x16x1\nstage conv k{stage2.kernel} c8\nstage conv k{3,5} c16\nhead dense c10"
    with pytest.raises(InputError, match=r"^s line 2: unknown earlier choice 'stage2\.kernel'"):
        SearchSpace.parse(text, "s")


def test_build_fills_in_what_was_chosen():
    space = SearchSpace.parse(TEXT)
    chosen = {**space.first(), "stem1.channels": 16, "stage1.se_ratio": 0.25, "stage1.repeats": 2}
    assert space.build(chosen).text.splitlines()[2] == "stage mbconv k3 s2 e2 c16 se0.25 x2"
    assert space.build(chosen).layers[0].get("channels") == 16


def test_build_leaves_out_what_the_chosen_block_does_not_take():
    space = SearchSpace.parse(TEXT)
    convolutions = [
        space.build({**space.first(), "stage1.block": "conv", "stage1.expansion": value}) for value in (2, 4)
    ]
    assert convolutions[0] == convolutions[1]
    assert "expansion" not in dict(convolutions[0].layers[1].options)


def test_build_refuses_a_value_that_is_no_alternative():
    space = SearchSpace.parse(TEXT)
    with pytest.raises(InputError, match=r"^stage1.kernel: found '7'; expected one of 3, 5$"):
        space.build({**space.first(), "stage1.kernel": 7})


def test_the_input_may_be_a_choice():
    space = SearchSpace.parse("input {16x16x1,24x24x1}\nhead dense c10")
    assert [space.build({"input": size}).resolution for size in space.choices["input"]] == [16, 24]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stage {mbconv,conx} k3 c8", "line 2: unknown block 'conx'; did you mean 'conv'?"),
        ("stage mbconv k{3,4.5} c8", "line 2: mbconv: kernel is '4.5'; expected int"),
        ("stage mbconv k{3,77} c8", "line 2: mbconv: kernel is 77; expected 1 to 31"),
        ("stage mbconv k{3,} c8", "line 2: 'k{3,}' has an empty or repeated alternative"),
        ("stage mbconv k{3,3} c8", "line 2: 'k{3,3}' has an empty or repeated alternative"),
        ("stage mbconv k{3,5 c8", "line 2: cannot read 'k{3,5'"),
        ("stage mbconv k{3}{5} c8", "line 2: cannot read 'k{3}{5}'"),
        ("stage conv k3 c8 e{2,4}", "line 2: conv: unknown option 'expansion'"),
        ("stage {conv,separable} k3 e{1,2} c8", "line 2: none of conv, separable takes the option expansion"),
        ("stage conv k3 c8 act={relu,rely}", "unknown activation 'rely'; did you mean 'relu'?"),
        ("stage conv k3 c8 x{1,0}", "line 2: 'x0' is no repeat count"),
    ],
)
def test_parse_checks_every_alternative(line, message):
    with pytest.raises(InputError, match=r"^space.arch ") as error:
        space_with(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", space_names())
def test_spaces_that_come_along_build(name):
    space = load_space(name)
    assert len(steps(space.build(space.first()))) > 3
    last = {choice: values[-1] for choice, values in space.choices.items()}
    assert space.build(last) != space.build(space.first())


@pytest.mark.parametrize(
    "line", ["stem conv c8 {word}{{", "stem conv c{{8,8}} {word}{{3,3}}", "stem {{{word},a}} c8 b=1"]
)
def test_messages_repeat_no_more_than_a_line_of_what_is_wrong(line):
    with pytest.raises(InputError) as error:
        SearchSpace.parse("input 8x8x1\n" + line.format(word="w" * 100_000))
    assert len(str(error.value)) < 500


def test_load_space_refuses_an_unknown_name():
    with pytest.raises(InputError, match=r"unknown search space 'edge-tini'; did you mean 'edge-tiny'\?"):
        load_space("edge-tini")
