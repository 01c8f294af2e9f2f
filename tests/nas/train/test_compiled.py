from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom

import jax
import numpy as np
import pytest

from nas.architecture import Architecture
from nas.network import initialise
from nas.train import Dataset, Recipe, logits
from nas.train.compiled import EVALUATION_BATCH, compile_chain, use_cache_on_disk
from nas.train.step import Chain, Step

Count = Callable[[], int]


@pytest.fixture
def compilations() -> Iterator[Count]:
    """How many programs were compiled since the last time it was asked."""
    seen: list[str] = []

    def listen(name: str, _seconds: float, **_more: object) -> None:
        if name.endswith("backend_compile_duration"):
            seen.append(name)

    def count() -> int:
        found = len(seen)
        seen.clear()
        return found

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield count
    jax.monitoring.unregister_event_duration_listener(listen)


def _plain(stem: int, stage: int) -> Architecture:
    """Convolutions, whose programs are soon compiled, of channels that no other test asks for."""
    lines = ("input 8x8x1", f"stem conv c{stem}", f"stage conv k1 c{stage} x3", "head pool", "head dense c10")
    return Architecture.parse("\n".join(lines))


@pytest.mark.parametrize("by_block", [True, False])
def test_nothing_is_left_to_compile_for_a_step_nor_for_a_second_prediction(
    digits: Dataset, compilations: Count, by_block: bool
) -> None:
    recipe = Recipe(batch_size=24, ema=0.9, gradient_clip=1)
    network = initialise(_plain(9, 10), 0)
    chain = Chain.of(network, by_block)
    state = chain.state(network, recipe)
    compilations()
    compiled = compile_chain(chain, recipe, state, (8, 8, 1))
    assert compilations() >= (8 if by_block else 1)
    batch = digits.train.take(np.arange(24))
    seeds = np.zeros(len(chain.layouts) + 1, np.uint32)
    state, loss = compiled.step(state, batch.images, batch.labels, Step(seeds, np.float32(0.1), np.float32(0.5)))
    loss.block_until_ready()
    assert compilations() == 0
    for left in (True, False):
        compiled.predict(state.weights, state.statistics, digits.test.images[:EVALUATION_BATCH])
        assert bool(compilations()) is left


def test_a_network_compiles_only_blocks_not_seen_before(compilations: Count) -> None:
    recipe = Recipe(batch_size=20)

    def compiled_for(architecture: Architecture) -> int:
        network = initialise(architecture, 0)
        chain = Chain.of(network)
        state = chain.state(network, recipe)
        compilations()
        compile_chain(chain, recipe, state, (8, 8, 1))
        return compilations()

    first = compiled_for(_plain(9, 11))
    assert compiled_for(_plain(9, 11)) == 0
    wider = compiled_for(_plain(9, 13))  # two distinct blocks anew, and a pool and a head for them
    assert 0 < wider < first


def test_compiled_programs_are_kept_on_disk(digits: Dataset) -> None:
    use_cache_on_disk()
    folder = Path(jax.config.jax_compilation_cache_dir)  # type: ignore[attr-defined]
    before = set(folder.iterdir())
    widths = SystemRandom().sample(range(14, 400), 2)  # of which an earlier run has kept no program
    logits(initialise(_plain(*widths), 0), digits.test.images[:5])
    assert set(folder.iterdir()) > before


def test_no_place_for_programs_is_a_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        monkeypatch.setenv("EDGESCALE_CACHE", "")
        use_cache_on_disk()
        assert jax.config.jax_compilation_cache_dir is None  # type: ignore[attr-defined]
        (tmp_path / "file").touch()
        monkeypatch.setenv("EDGESCALE_CACHE", str(tmp_path / "file" / "folder"))
        use_cache_on_disk()
        assert jax.config.jax_compilation_cache_dir is None  # type: ignore[attr-defined]
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
