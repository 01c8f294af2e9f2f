import jax.numpy as jnp
import numpy as np

from nas.train.augment import augment, normalise


def _pictures(count: int, side: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 2), dtype=np.uint8)


def test_normalise_puts_pixels_between_minus_one_and_one() -> None:
    pixels = normalise(jnp.array([0, 128, 255], jnp.uint8))
    assert pixels.dtype == jnp.float32
    assert np.allclose(pixels, [-1, 128 / 127.5 - 1, 1], atol=1e-6)


def test_nothing_named_changes_nothing() -> None:
    pictures = _pictures(3)
    assert np.array_equal(augment(pictures, (), np.uint32(0)), pictures)


def test_flip_mirrors_about_half_of_the_pictures() -> None:
    pictures = _pictures(200)
    flipped = np.asarray(augment(pictures, ("flip",), np.uint32(7)))
    same = (flipped == pictures).all((1, 2, 3))
    mirrored = (flipped == pictures[:, :, ::-1]).all((1, 2, 3))
    assert np.all(same ^ mirrored)
    assert 70 < mirrored.sum() < 130


def test_shift_moves_every_picture_by_itself_and_repeats_its_edge() -> None:
    pictures = _pictures(200)
    shifted = np.asarray(augment(pictures, ("shift",), np.uint32(7)))
    padded = np.pad(pictures, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    moves = {(i, j): padded[:, i : i + 16, j : j + 16] for i in range(5) for j in range(5)}
    found = {move: (shifted == moved).all((1, 2, 3)).sum() for move, moved in moves.items()}
    assert sum(found.values()) == 200
    assert min(found.values()) >= 1  # all 25 are tried


def test_the_seed_decides() -> None:
    pictures = _pictures(8)
    first, again, other = (np.asarray(augment(pictures, ("shift", "flip"), np.uint32(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
