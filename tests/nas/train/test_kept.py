"""Programs that a later process finds on disk: the same numbers without tracing, and never anything else's."""

import json
import os
import pickle
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from random import SystemRandom

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from nas.architecture import Architecture
from nas.network import initialise
from nas.processor import instruction_sets
from nas.train import Dataset, Recipe, kept, train
from nas.train.compiled import use_cache_on_disk
from nas.train.packing import Layout
from nas.train.program import compiler_options, program, shape_of
from nas.train.programs import block_programs

# Widths that no other test asks for.
TEXT = "input 8x8x1\nstem conv k3 c7\nstage conv k1 c7\nhead pool\nhead dense c10"
RECIPE = {"epochs": 1, "batch_size": 32, "augment": ()}
ELSEWHERE = """
import json, sys
from nas.architecture import Architecture
from nas.train import Recipe, load_dataset, train
trained = train(Architecture.parse(sys.argv[1]), load_dataset("digits", limit=160), Recipe(**json.loads(sys.argv[2])))
print(repr(trained.history[0].loss), trained.validation_accuracy)
"""
OF_BLOCKS = {"jit(forward)", "jit(backward)", "jit(predict)"}  # as JAX calls them
X = np.arange(6, dtype=np.float32)


@pytest.fixture
def lowered() -> Iterator[list[str]]:
    """What was lowered since."""
    seen: list[str] = []

    def listen(name: str, _seconds: float, **more: object) -> None:
        if name.endswith("jaxpr_to_mlir_module_duration"):
            seen.append(str(more.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


def test_what_another_process_has_kept_gives_its_numbers_and_is_not_traced(
    digits: Dataset, lowered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A place of its own, as half of what is there is damaged in the end.
    where = {"EDGESCALE_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ELSEWHERE, TEXT, json.dumps(RECIPE)]
    done = subprocess.run(command, env={**os.environ, **where}, stdout=subprocess.PIPE, text=True, check=True)
    said = done.stdout.splitlines()[-1]
    use_cache_on_disk()
    (place,) = tmp_path.glob("programs-*")
    monkeypatch.setattr(kept.Place, "folder", place)
    lowered.clear()
    trained = train(Architecture.parse(TEXT), digits, Recipe(**RECIPE))  # type: ignore[arg-type]
    assert not OF_BLOCKS & set(lowered)
    loss, accuracy = map(float, said.split())
    assert trained.history[0].loss == pytest.approx(loss, rel=1e-6)  # float32's last digit may be another
    assert trained.validation_accuracy == accuracy
    for file in sorted(place.iterdir())[::2]:  # as after a power failure
        file.write_bytes(file.read_bytes()[:-1])
    block_programs.cache_clear()
    again = train(Architecture.parse(TEXT), digits, Recipe(**RECIPE))  # type: ignore[arg-type]
    assert OF_BLOCKS & set(lowered)
    assert again.history[0].loss == trained.history[0].loss


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, where nothing is yet."""
    use_cache_on_disk()  # it says the place when it is first called in a process
    monkeypatch.setattr(kept.Place, "folder", tmp_path)
    return tmp_path


def test_an_entry_that_is_not_whole_is_none(folder: Path) -> None:
    number = SystemRandom().random()  # so that no cache of JAX's has the program, of which only a part can be kept
    compiled = jax.jit(lambda x: x * x + number).lower(X).compile()
    key = kept.key_of("square", (X,))
    kept.keep(key, compiled, jax.ShapeDtypeStruct((6,), np.float32))
    found = kept.find(key)
    assert found is not None
    np.testing.assert_allclose(found.load((X,))(X), X * X + number, rtol=1e-6)
    whole = (folder / key).read_bytes()
    other = zlib.compress(pickle.dumps("something else"))
    for content in (b"", whole[:-1], whole[:-9] + b"x" + whole[-8:], sha256(other).digest() + other):
        (folder / key).write_bytes(content)
        assert kept.find(key) is None
    assert kept.find("0" * 64) is None


def test_a_program_that_cannot_be_loaded_is_compiled(folder: Path) -> None:
    twice = program(lambda x: 2 * x, "twice")
    key = kept.key_of(f"twice {{}} {compiler_options()}", (X,))
    content = zlib.compress(pickle.dumps((shape_of(X), b"no program")))
    (folder / key).write_bytes(sha256(content).digest() + content)
    with ThreadPoolExecutor(1) as pool:
        ready = twice.ready(pool, (X,))
        np.testing.assert_array_equal(ready.compiled.result()(X), 2 * X)
        assert twice.ready(pool, (X,)) is ready


def test_processors_of_different_instructions_have_different_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    key = kept.key_of("twice", (X,))
    monkeypatch.setattr(kept, "_surroundings", kept._surroundings.__wrapped__)
    assert kept.key_of("twice", (X,)) == key
    monkeypatch.setattr(kept, "instruction_sets", lambda: (*instruction_sets(), "X86_V9"))
    assert kept.key_of("twice", (X,)) != key


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no such rights here")
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept.Place, "folder", None)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    kept.keep_in(tmp_path / "open")
    assert kept.Place.folder is None
    kept.keep_in(tmp_path / "own")
    assert kept.Place.folder == tmp_path / "own"
    assert (tmp_path / "own").stat().st_mode & 0o077 == 0


def test_programs_are_told_apart_by_block_shapes_and_what_is_said() -> None:
    def told(line: str) -> str:
        network = initialise(Architecture.parse(f"input 8x8x1\n{line}\nhead pool\nhead dense c10"))
        _, first = next(iter(network.blocks()))
        return Layout.of(first).told

    lines = ("stem conv k3 c8", "stem conv k5 c8", "stem conv k3 c8 s2", "stem conv k3 c8 act=swish", "stem conv k3 c9")
    assert len({told(line) for line in lines}) == len(lines)
    assert told(lines[0]) == told(lines[0]) != ""
    keys = [kept.key_of(*key) for key in (("a", (X,)), ("b", (X,)), ("a", (X[:5],)), ("a", (X, X)), ("a", ((X,),)))]
    assert len(set(keys)) == len(keys)


def test_a_block_of_other_sources_is_not_kept() -> None:
    class Mine(nnx.Module):
        def __init__(self) -> None:
            self.scale = nnx.Param(jnp.ones(3))

    assert Layout.of(Mine()).told == ""


def test_what_jax_had_is_not_kept_again(folder: Path) -> None:
    width = SystemRandom().randrange(100, 10**6)  # of which an earlier run has kept no program

    def function(x: jax.Array) -> jax.Array:
        return 3 * x - 1

    for said in ("compiled", "on disk", "in memory"):  # the same program to JAX
        if said == "on disk":
            jax.clear_caches()
        with ThreadPoolExecutor(1) as pool:
            program(function, said).ready(pool, (np.zeros(width, np.float32),)).compiled.result()
        kept.keep_postponed()
        assert len(list(folder.iterdir())) == 1
