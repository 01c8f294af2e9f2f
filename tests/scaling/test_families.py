import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import Coefficients, compound_member, family, parse_members
from tests.scaling.networks import TEXT

TINY = Architecture.parse(TEXT.replace("head dense", "head dropout rate=0.1\nhead dense"))


def test_parse_members_reads_ranges_and_lists() -> None:
    assert parse_members("b0..b3") == ["b0", "b1", "b2", "b3"]
    assert parse_members("b7, l2,edgetpu-s..edgetpu-l") == ["b7", "l2", "edgetpu-s", "edgetpu-m", "edgetpu-l"]
    assert parse_members("b0..b2,b1") == ["b0", "b1", "b2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b0..b71", "unknown member 'b71'; did you mean 'b7'"),
        ("lite9", "unknown member 'lite9'; did you mean 'lite"),
        ("b3..b1", "'b3..b1' is no range"),
        ("b0..lite4", "'b0..lite4' is no range"),
        ("", "unknown member ''"),
    ],
)
def test_parse_members_refuses_what_no_table_has(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_members(text)
    assert "\n" not in str(caught.value)


def test_family_refuses_an_unknown_member() -> None:
    with pytest.raises(InputError, match="unknown member 'b9'"):
        family(TINY, ["b9"])


def test_family_starts_with_the_baseline_itself() -> None:
    assert family(TINY, ["b0"])[0].architecture == TINY
    odd = TINY.with_input(resolution=33)
    assert family(odd, ["b0"])[0].architecture == odd


def test_family_uses_published_proportions_on_any_baseline() -> None:
    members = {member.name: member for member in family(TINY, parse_members("b0..b7"))}
    assert [m.architecture.resolution for m in members.values()] == [32, 34, 38, 42, 54, 66, 76, 86]
    b7 = members["b7"].architecture
    assert (members["b7"].phi, members["b7"].width, members["b7"].depth) == (None, 2.0, 3.1)
    assert [(layer.get("channels"), layer.repeats) for layer in b7.layers if layer.part == "stage"] == [
        (32, 4),
        (64, 7),
    ]


def test_family_adds_the_table_s_dropout_where_the_baseline_has_some() -> None:
    rates = [m.architecture.layers[-2].get("rate") for m in family(TINY, parse_members("b0..b7"))]
    assert rates == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]


def test_family_members_cost_more_and_more() -> None:
    macs = [trace(member.architecture).macs for member in family(TINY, ["b0", "b1", "b2"])]
    assert macs[0] < macs[1] < macs[2]


def test_lite_family_keeps_stem_head_and_the_depth_of_the_ends() -> None:
    lite4 = family(TINY, ["lite4"])[0].architecture
    assert (lite4.layers[0].get("channels"), lite4.layers[3].get("channels")) == (16, 64)
    assert [layer.repeats for layer in lite4.layers] == [layer.repeats for layer in TINY.layers]


def test_compound_member_follows_the_formula() -> None:
    member = compound_member(TINY, 2, Coefficients(1.5, 1.25, 1.5))
    assert (member.name, member.phi) == ("phi2", 2)
    assert (member.depth, member.width, member.resolution) == (2.25, 1.5625, 2.25)
    assert member.architecture.resolution == 72
    assert [layer.repeats for layer in member.architecture.layers if layer.part == "stage"] == [3, 5]


def test_compound_member_below_the_baseline() -> None:
    member = compound_member(TINY, -3)
    assert member.architecture.resolution == 22
    assert trace(member.architecture).macs < trace(TINY).macs


def test_compound_member_at_zero_is_the_baseline() -> None:
    assert compound_member(TINY, 0).architecture == TINY
