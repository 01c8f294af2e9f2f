import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import family
from search_spaces.zoo import zoo, zoo_names


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_reads_back_from_its_text(name: str) -> None:
    network = zoo(name)
    assert Architecture.parse(network.text) == network
    teaching = name.startswith(("mnist-", "cifar10-"))
    assert network.classes == (10 if teaching else 1000)
    assert (network.resolution <= 32) == teaching


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
