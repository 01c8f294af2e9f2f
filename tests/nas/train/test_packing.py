import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.network import Network, initialise
from nas.train.packing import Arrays, Layout


def _blocks(text: str) -> list[nnx.Module]:
    return [block for _, block in initialise(Architecture.parse(f"input 8x8x4\n{text}"), 1).blocks()]


def test_a_vector_holds_kernels_first_and_gives_the_tree_back() -> None:
    tree = {"b": np.arange(3, dtype=np.float32), "k": np.arange(4, 10, dtype=np.float32).reshape(2, 3)}
    arrays = Arrays.of(tree, lambda length: length + 7)
    vector = arrays.pack(tree, np)
    assert vector.tolist() == [4, 5, 6, 7, 8, 9, 0, 1, 2] + [0] * 7
    assert arrays.kernels == 6
    jax.tree.map(np.testing.assert_array_equal, arrays.unpack(vector, np), tree)
    jax.tree.map(np.testing.assert_array_equal, arrays.unpack(jnp.asarray(vector)), tree)


@pytest.mark.parametrize("line", ["stage mbconv k3 c8 se0.25", "head pool", "head dropout rate=0.5", "head dense c3"])
def test_a_block_comes_back_from_its_vectors(line: str) -> None:
    (block,) = _blocks(line)
    layout = Layout.of(block)
    weights, statistics = layout.vectors(block)
    assert weights.shape == (layout.weights.length,)
    layout.update(block, weights + 1, statistics + 2)
    again = layout.vectors(block)
    used = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(block, nnx.Param)))
    np.testing.assert_array_equal(again[0][:used], weights[:used] + 1)
    assert not again[0][used:].any()
    np.testing.assert_array_equal(again[1], statistics + 2)


def test_equal_blocks_of_different_networks_have_equal_layouts() -> None:
    first = _blocks("stage mbconv k3 c4 x2\nhead dropout rate=0.5")
    second = _blocks("stage conv k1 c4\nstage mbconv k3 c4\nhead dropout rate=0.5")
    assert Layout.of(first[0]) == Layout.of(first[1]) == Layout.of(second[1])
    assert hash(Layout.of(first[0])) == hash(Layout.of(second[1]))
    assert Layout.of(first[2]) == Layout.of(second[2])
    assert Layout.of(first[0]) != Layout.of(second[0])
    assert Layout.of(_blocks("stage mbconv k5 c4")[0]) != Layout.of(first[0])


@pytest.mark.parametrize(("entries", "most"), [(0, 64), (64, 64), (65, 128), (1000, 1500), (10**6, 1_500_000)])
def test_at_most_a_third_of_a_vector_is_filling(entries: int, most: int) -> None:
    block = nnx.Module()
    block.kernel = nnx.Param(jnp.zeros(entries))
    assert entries <= Layout.of(block).weights.length <= most


def test_a_block_with_other_state_is_refused() -> None:
    block = nnx.Module()
    block.cached = nnx.Cache(jnp.zeros(3))
    with pytest.raises(TypeError, match="cannot be trained"):
        Layout.of(block)


def test_random_streams_follow_the_seed() -> None:
    class Noise(nnx.Module):
        def __init__(self) -> None:
            self.first, self.second = (nnx.Dropout(0.5, rngs=nnx.Rngs(0)) for _ in range(2))

        def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            return self.first(x), self.second(x)

    layout = Layout.of(Noise())
    ones = jnp.ones((1, 64))

    def draw(seed: int) -> np.ndarray:
        return np.stack(nnx.merge(layout.training, {}, {}, layout.streams(np.uint32(seed)))(ones))

    assert np.array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))
    assert not np.array_equal(*draw(1))


def test_networks_keep_their_own_values(small: Architecture) -> None:
    network = initialise(small, 0)
    assert isinstance(network, Network)
    vectors = [Layout.of(block).vectors(block)[0] for _, block in network.blocks()]
    assert not np.array_equal(vectors[1], vectors[2])
