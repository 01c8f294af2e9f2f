from nas.architecture import Architecture
from scaling import PAPER, Rules
from scaling.compound import Phis
from scaling.fill import apart, fill
from scaling.tried import RANGE, STEP, Tried

TINY = Architecture.parse(
    """
    input 32x32x3
    stem conv k3 s1 c16
    stage conv k3 s2 c16
    stage conv k3 s2 c32 x2
    head pool
    head dense c10
    """
)
ALL = ("depth", "width", "resolution")


def blocks(architecture):
    return sum(int(layer.get("channels") or 0) * layer.repeats for layer in architecture.layers)


def tried(most):
    return Tried(
        TINY, lambda architecture: architecture.resolution**2 * blocks(architecture) / most, "m", PAPER, Rules()
    )


def test_fill_uses_enough_with_the_phis_least_apart():
    search = tried(1.15 * 32**2 * blocks(TINY))
    start = search.at(Phis(0, 0, 0))
    found = fill(search, start, ALL, 1.0, 0.9)
    assert start.used < 0.9 <= found.used <= 1
    nearer = [fit for fit in search.seen if apart(fit.phis, ALL) < apart(found.phis, ALL)]
    assert not any(0.9 <= fit.used <= 1 for fit in nearer)


def test_fill_moves_only_the_dimensions_given():
    search = tried(1.5 * 32**2 * blocks(TINY))
    found = fill(search, search.at(Phis(0, 0, 0)), ("resolution",), 4.0, 0.9)
    assert (found.phis.depth, found.phis.width) == (0, 0)
    assert found.phis.resolution > 0


def test_fill_stays_where_nothing_uses_more():
    search = Tried(TINY, lambda _: 0.5, "m", PAPER, Rules())
    start = search.at(Phis(0, 0, 0))
    assert fill(search, start, ALL, 1.0, 0.9) == start


def test_levels_are_the_distinct_networks_and_the_nearest_first():
    levels = tried(1).levels(Phis(0, 0, 0), "depth", 2.0)
    assert levels == [0, STEP, 1.5625 - 1.5625 % STEP + STEP] or levels[0] == 0
    assert len(levels) == len({tried(1).build(Phis(phi, 0, 0)).architecture for phi in levels})
    assert sorted(levels, key=abs) == levels
    assert all(RANGE[0] <= phi <= RANGE[1] for phi in tried(1).levels(Phis(10, 0, 0), "width", 4.0) if phi > 9)
