import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.train import Recipe
from nas.train.progressive import Growth


def test_pictures_grow_by_stages_to_the_whole() -> None:
    growth = Growth(Recipe(epochs=9, progressive_stages=3, progressive_from=0.4), 32)
    assert [growth.at(epoch)[0] for epoch in range(1, 10)] == [12] * 3 + [22] * 3 + [32] * 3
    assert [float(growth.at(epoch)[1]) for epoch in (1, 4, 9)] == pytest.approx([0.4, 0.7, 1])


def test_of_more_stages_than_epochs_the_last_is_the_whole() -> None:
    growth = Growth(Recipe(epochs=2, progressive_stages=4), 32)
    assert [growth.at(epoch)[0] for epoch in (1, 2)] == [16, 32]


def test_without_stages_pictures_are_whole() -> None:
    assert Growth(Recipe(), 9).at(1) == (9, 1)
    assert Growth(Recipe(epochs=2, progressive_stages=2, progressive_from=0.1), 9).at(1)[0] == 2


def test_a_network_whose_weights_depend_on_the_size_is_refused() -> None:
    growth = Growth(Recipe(progressive_stages=2), 8)
    growth.require_fit(Architecture.parse("input 8x8x1\nstem conv c4\nhead pool\nhead dense c3"))
    with pytest.raises(InputError, match=r"progressive_from: found 0.5, which begins with 4x4 pixels"):
        growth.require_fit(Architecture.parse("input 8x8x1\nstem conv c4\nhead dense c3"))
