import csv
from pathlib import Path

import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import family
from search_spaces import zoo as package
from search_spaces.zoo import zoo, zoo_names

with (Path(package.__file__).parent / "published.csv").open() as _file:
    PUBLISHED = {row["name"]: row for row in csv.DictReader(_file)}


def printed_digit(macs: str) -> float:
    """Half of the last digit that a figure in millions was printed with: 0.05 for 1.5, 50 for 4200."""
    if "." in macs:
        return 0.5 * 10.0 ** -len(macs.partition(".")[2])
    return 0.5 * 10.0 ** (len(macs) - len(macs.rstrip("0")))


@pytest.mark.parametrize("name", PUBLISHED)
def test_zoo_is_as_published(name: str) -> None:
    network, row = trace(zoo(name), name), PUBLISHED[name]
    if row["params"]:
        assert network.params == int(row["params"])
    if row["macs_m"]:
        difference = abs(network.macs / 1e6 - float(row["macs_m"]))
        allowed = max(printed_digit(row["macs_m"]), (0.15 if row["note"] else 0.01) * float(row["macs_m"]))
        assert difference <= allowed, f"{network.macs / 1e6:.1f} M where {row['macs_m']} M are published"


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_reads_back_from_its_text(name: str) -> None:
    network = zoo(name)
    assert Architecture.parse(network.text) == network
    teaching = name.startswith(("mnist-", "cifar10-"))
    assert network.classes == (10 if teaching else 1000)
    assert (network.resolution <= 32) == teaching


def test_every_published_figure_is_of_a_network_in_the_zoo() -> None:
    assert set(PUBLISHED) <= set(zoo_names())


def test_teaching_networks_have_their_well_known_sizes() -> None:
    sizes = {name: trace(zoo(name)).params for name in ("mnist-perceptron", "mnist-conv", "cifar10-conv")}
    assert sizes == {"mnist-perceptron": 669_706, "mnist-conv": 1_199_882, "cifar10-conv": 1_250_858}


def test_zoo_scales_b7_from_b0() -> None:
    b0, b7 = zoo("efficientnet-b0"), zoo("efficientnet-b7")
    assert b7 == family(b0, ["b7"])[0].architecture


def test_zoo_refuses_unknown_names_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"unknown network 'efficientnet-b9'; did you mean 'efficientnet-b\d'"
    ) as caught:
        zoo("efficientnet-b9")
    assert "\n" not in str(caught.value)
