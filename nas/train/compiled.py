"""How a network's step is compiled: block by block, or whole.

Block by block every distinct block is compiled once for all networks of a process, and
several at a time. On CPUs the chain of programs runs as fast as the whole in one
program, so CPUs take blocks. GPUs and TPUs take the whole: their steps are too short
for the calls between the blocks. The numbers are the same but for rounding.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nas.train.programs import (
    average_program,
    clip_program,
    input_program,
    loss_program,
    normalise_program,
    update_program,
)
from nas.train.recipe import Recipe
from nas.train.step import Chain, State, Step, evaluated

EVALUATION_BATCH = 128


@dataclass(frozen=True)
class Compiled:
    """A network's compiled step `(state, images, labels, step) -> (state, loss)`, and its
    prediction `(weights, statistics, images) -> logits`."""

    step: Callable[[State, Any, Any, Step], tuple[State, Any]]
    predict: Callable[[Any, Any, Any], Any]


def compile_chain(chain: Chain, recipe: Recipe, state: State, image_shape: tuple[int, ...]) -> Compiled:
    """Compiles a network for pictures of `image_shape` (H, W, C)."""

    def step(state: State, images: Any, labels: Any, factors: Step) -> tuple[State, Any]:
        return chain.step(recipe, state, images, labels, factors)

    if chain.by_block:
        compiled = Compiled(step, chain.predict)
        calls = _block_calls(chain, recipe, state, image_shape)
    else:
        compiled = Compiled(jax.jit(step, donate_argnums=0), jax.jit(chain.predict))
        calls = _whole_calls(chain, recipe, state, image_shape, compiled)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        # JAX keeps what is compiled here for the calls that follow; the compiler leaves Python's lock.
        for future in [pool.submit(traced.compile) for traced in calls]:
            future.result()
    return compiled


def _whole_calls(
    chain: Chain, recipe: Recipe, state: State, image_shape: tuple[int, ...], compiled: Compiled
) -> Iterator[Any]:
    images, labels, step = _batch(recipe.batch_size, image_shape, len(chain.layouts))
    yield compiled.step.lower(state, images, labels, step)  # type: ignore[attr-defined]
    tested, *_ = _batch(EVALUATION_BATCH, image_shape, 0)
    yield compiled.predict.lower(*evaluated(state), tested)  # type: ignore[attr-defined]


def _block_calls(chain: Chain, recipe: Recipe, state: State, image_shape: tuple[int, ...]) -> Iterator[Any]:
    """The programs of a step and of a prediction, traced but not yet compiled, in the order of their use."""
    images, labels, step = _batch(recipe.batch_size, image_shape, len(chain.layouts))
    seed = step.seeds[0]
    update = update_program(recipe.optimizer, recipe.momentum, recipe.weight_decay)
    yield (lowered := input_program(tuple(recipe.augment)).lower(images, seed))
    x = _shapes(lowered.out_info)
    yield (lowered := normalise_program().lower(_batch(EVALUATION_BATCH, image_shape, 0)[0]))
    tested = _shapes(lowered.out_info)
    for index, block in enumerate(chain.blocks):
        weights, statistics = state.weights[index], state.statistics[index]
        yield (lowered := block.forward.lower(weights, statistics, seed, x))
        x, _, vjp = _shapes(lowered.out_info)
        yield block.backward.lower(vjp, x)
        yield update.lower(weights, weights, state.moments[index], np.int32(0), step.rate, np.float32(1))
        yield (lowered := block.predict.lower(weights, statistics, tested))
        tested = _shapes(lowered.out_info)
    yield loss_program(recipe.label_smoothing).lower(x, labels)
    if recipe.gradient_clip:
        yield clip_program().lower(list(state.weights), np.float32(0))
    yield from (average_program().lower(vector, vector, step.keep) for vector in jax.tree.leaves(state.average))


def _batch(size: int, image_shape: tuple[int, ...], blocks: int) -> tuple[Any, Any, Step]:
    images, labels = np.zeros((size, *image_shape), np.uint8), np.zeros(size, np.int32)
    return images, labels, Step(np.zeros(blocks + 1, np.uint32), np.float32(0), np.float32(0))


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)


def use_cache_on_disk() -> None:
    """Lets later processes find what this one compiles, unless JAX is told of another place already.

    The place is EDGESCALE_CACHE, or ~/.cache/edgescale; EDGESCALE_CACHE= (empty) for none.
    Programs are for one kind of processor, so each has its own folder there.
    """
    place = os.environ.get("EDGESCALE_CACHE", "~/.cache/edgescale")
    if not place or jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return
    folder = Path(place).expanduser() / f"xla-{_processor()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a home without room or rights costs time, not the training
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _processor() -> str:
    """Eight hexadecimal digits that processors with the same instructions share."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        described = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        described = " ".join(os.uname()) if hasattr(os, "uname") else os.name
    return sha256(described.encode()).hexdigest()[:8]
