"""Architectures chosen to cover a space."""

from collections import Counter

import numpy as np
import pytest

from nas.blocks.nasbench201 import EDGES, OPERATIONS
from nas.errors import InputError
from search_spaces import SearchSpace, load_space
from search_spaces.cover import covering

SMALL = SearchSpace.parse("input 8x8x1\nstage {conv,mbconv} k{3,5} c8 e{2,4}\nhead dense c10", "space small")


@pytest.fixture(scope="module")
def chosen():
    return covering(load_space("edge-tiny"), 60, seed=3)


def test_covering_gives_distinct_architectures_of_the_space(chosen):
    assert len({architecture.digest for architecture in chosen}) == 60


def test_covering_tells_how_far_it_is():
    told = []
    covering(SMALL, 6, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, 13))
    assert told[-1] == (12, 12)


def test_the_seed_decides():
    one, again, other = (covering(load_space("edge-tiny"), 5, seed) for seed in (3, 3, 4))

    assert one == again
    assert one != other


def test_every_alternative_of_every_line_appears_about_as_often(chosen):
    for line in (1, 2, 3):
        for option, alternatives in (("kernel", 2), ("channels", 3)):
            counts = Counter(architecture.layers[line].get(option) for architecture in chosen)
            assert len(counts) == alternatives
            assert min(counts.values()) > 60 / alternatives / 2
        blocks = Counter(architecture.layers[line].block for architecture in chosen)
        assert len(blocks) == 5
        assert min(blocks.values()) >= 5


def test_networks_stand_for_the_space_better_than_random_ones():
    space = load_space("nasbench201")
    generator = np.random.default_rng(0)

    def uneven(architectures):
        """How far the operations of each edge are from appearing equally often."""
        cells = [architecture.layers[1] for architecture in architectures]
        counts = [sum((cell.get(edge) or "none") == o for cell in cells) for edge in EDGES for o in OPERATIONS]
        return np.std(counts)

    drawn = [{name: values[generator.integers(5)] for name, values in space.choices.items()} for _ in range(40)]

    assert uneven(covering(space, 40)) < 0.5 * uneven(map(space.build, drawn))


def test_a_small_space_is_taken_whole():
    assert len(covering(SMALL, 6)) == 6  # a conv has no expansion


def test_more_than_the_space_holds_is_refused():
    with pytest.raises(InputError, match=r"^space small: holds 6 distinct architectures; expected at least 7$"):
        covering(SMALL, 7)


def test_a_space_of_one():
    one = SearchSpace.parse("input 8x8x1\nhead dense c10")

    assert [architecture.text for architecture in covering(one, 1)] == ["input 8x8x1\nhead  dense c10\n"]
