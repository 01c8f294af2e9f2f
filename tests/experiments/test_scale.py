"""`nas scale`: members by table, by phi and to budgets, and what it says where there are none."""

import json

import pytest
import yaml

from experiments.cli import run
from nas.trace import trace
from scaling import family, parse_members
from search_spaces.zoo import zoo
from search_spaces.zoo.figures import counted, published
from tests.scaling.networks import TEXT


@pytest.fixture
def small(tmp_path):
    """A network that is quickly traced at any size."""
    file = tmp_path / "small.arch"
    file.write_text(TEXT)
    return str(file)


@pytest.fixture
def scale(capsys):
    """Runs `nas scale --json` in this process; its members by name."""

    def answer(*arguments):
        assert run(["scale", *arguments, "--json"]) == 0
        return {member["name"]: member for member in json.loads(capsys.readouterr().out)["members"]}

    return answer


def test_three_latencies_give_three_members_within_them(scale, small):
    members = scale(small, "--latencies", "0.4ms,0.8ms,1.5")
    assert list(members) == ["0.4ms", "0.8ms", "1.5ms"]
    for name, member in members.items():
        budget = float(name.removesuffix("ms"))
        assert 0.9 * budget <= member["latency_ms"]["edgetpu-usb"] <= budget
        assert member["used"] == member["latency_ms"]["edgetpu-usb"] / budget


@pytest.mark.parametrize(("option", "key", "amount"), [("--params", "params", "60k"), ("--macs", "macs", "2M")])
def test_budgets_of_parameters_and_macs(scale, small, option, key, amount):
    (member,) = scale(small, option, amount).values()
    budget = {"60k": 60_000, "2M": 2_000_000}[amount]
    assert 0.9 * budget <= member[key] <= budget


def test_a_zoo_network_shrinks_to_a_latency(scale):
    (member,) = scale("mobilenet-v1-0.25-128", "--latency", "0.5ms").values()
    assert member["latency_ms"]["edgetpu-usb"] <= 0.5
    assert member["macs"] < counted("mobilenet-v1-0.25-128").macs


def test_phi_and_rules(scale, small):
    members = scale(small, "--phi", "0,1", "--depths", "nearest", "--multiple", "8", "--fixed-stem-head")
    assert [(m["phi"], m["resolution"]) for m in members.values()] == [(0, 32), (1, 40)]
    assert "stem  conv k3 s1 c16" in members["phi1"]["architecture"]
    assert "c32 x2" in members["phi1"]["architecture"]


@pytest.mark.parametrize("names", ["b8,l2", "lite0..lite4", "edgetpu-s..edgetpu-l"])
def test_published_families_come_from_their_baseline(names):
    names = parse_members(names)
    baseline = {"b8": "b0"}.get(names[0], names[0])
    for member in family(zoo(f"efficientnet-{baseline}"), names):
        assert trace(member.architecture).params == counted(f"efficientnet-{member.name}").params


def test_v2_b0_to_b3_come_from_their_baseline():
    """As keras.applications counts the trainable parameters of EfficientNetV2B0 to B3."""
    params = (7_139_704, 8_141_052, 10_096_086, 14_358_406)
    members = family(zoo("efficientnet-v2-b0"), parse_members("v2-b0..v2-b3"))
    assert tuple(trace(member.architecture).params for member in members) == params


def test_b0_to_b7_have_the_published_parameters_and_macs(scale):
    """The paper's FLOPs are MACs; those of B4 and B5 are not of the released networks."""
    macs = {"b0": 0.39, "b1": 0.70, "b2": 1.0, "b3": 1.8, "b4": 4.2, "b5": 9.9, "b6": 19, "b7": 37}
    members = scale("efficientnet-b0", "--to", "b0..b7")
    assert [m["params"] for m in members.values()] == [published(f"efficientnet-{name}").params for name in macs]
    off = {name for name, billion in macs.items() if abs(members[name]["macs"] / billion / 1e9 - 1) > 0.03}
    assert off == {"b4", "b5"}
    assert all("torchvision" in published(f"efficientnet-{name}").note for name in off)


def test_members_say_where_their_weights_are_and_where_the_memory_is_crossed(scale):
    members = scale("efficientnet-lite0", "--to", "lite0..lite2")
    assert [member["weights"]["streamed"] > 0 for member in members.values()] == [False, False, True]
    assert [member["crosses_memory"] for member in members.values()] == [False, False, True]


def test_respecting_the_cache_keeps_weights_on_the_chip_at_no_more_cost(scale):
    plain = scale("efficientnet-lite0", "--phi", "1", "--depths", "nearest")["phi1"]
    kept = scale("efficientnet-lite0", "--phi", "1", "--depths", "nearest", "--respect-cache")["phi1"]
    assert plain["weights"]["streamed"] > 0 == kept["weights"]["streamed"]
    assert 0.9 * plain["macs"] <= kept["macs"] <= plain["macs"]
    assert kept["latency_ms"]["edgetpu-usb"] < plain["latency_ms"]["edgetpu-usb"]
    assert kept["resolution"] > plain["resolution"]
    assert "weights stay on the chip" in kept["note"]


def test_members_are_written_and_taken_again(small, tmp_path, capsys):
    assert run(["scale", small, "--phi", "1", "--out", str(tmp_path / "family")]) == 0
    assert "phi1.yaml" in capsys.readouterr().out
    assert yaml.safe_load((tmp_path / "family" / "phi1.yaml").read_text())["name"] == "small-phi1"
    assert run(["cost", str(tmp_path / "family" / "phi1.yaml")]) == 0
    assert "small-phi1 at 36x36" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--latency", "0.01ms"), "budget 0.01 ms on edgetpu-usb: the smallest member takes 0."),
        (("--params", "90G"), "budget 90G parameters: the largest sensible member (phi 10) takes "),
        (("--params", "1"), "budget 1 parameters: the smallest member takes 2."),
        (("--phi", "1", "--alpha", "1.5"), "alpha * beta^2 * gamma^2 is 2.4; expected about 2"),
        (("--phi", "21"), "phi is 21.0; expected -10 to 20"),
        (
            ("--phi", "-10", "--alpha", "1", "--beta", "1", "--gamma", "1.4"),
            "resolution 2 is smaller than the network's strides, which together divide it by 4; expected at least 4",
        ),
        (("--to", "b1", "--gamma", "1.2"), "--gamma: the members of --to have published proportions"),
        (("--respect-cache",), "--respect-cache: the members of --to have published proportions"),
        (("--to", "b1", "--phi", "1"), "found --to and --phi; expected one of"),
    ],
)
def test_what_cannot_be_is_one_line(small, capsys, arguments, said):
    assert run(["scale", small, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("network", "members", "said"),
    [
        ("mnist-perceptron", ("--to", "b0..b2"), "the network has no stage to repeat"),
        ("mnist-perceptron", ("--params", "5M"), "mnist-perceptron: has only dense layers"),
        ("mnist-conv", ("--to", "b0..b2"), "mnist-conv: its dense layer reads each of 12x12 places by itself"),
        ("mnist-conv", ("--params", "5M"), "mnist-conv: its dense layer reads each of 12x12 places by itself"),
    ],
)
def test_networks_without_sense_in_scaling(capsys, network, members, said):
    assert run(["scale", network, *members]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), said in err) == (1, True)


@pytest.mark.parametrize("option", ["--latency=0", "--latency=5M", "--params=-1", "--macs=many", "--phi=one"])
def test_amounts_that_cannot_be_read(capsys, option):
    with pytest.raises(SystemExit) as caught:
        run(["scale", "efficientnet-b0", option])
    assert caught.value.code == 2
    assert "expected" in capsys.readouterr().err
