"""How a network's step is compiled: block by block, or whole.

Block by block every distinct block is compiled once for all networks of a process, and
several at a time. On CPUs the chain of programs runs as fast as the whole in one
program, so CPUs take blocks, and threads that share a batch each run a chain. GPUs and
TPUs take the whole: their steps are too short for the calls between the blocks; and so do
several devices together. The numbers are the same but for rounding.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nas.train import kept
from nas.train.allocation import keep_freed_memory
from nas.train.devices import Devices
from nas.train.distillation import Teacher
from nas.train.gradients import Batch, Lesson, Plan, take_step
from nas.train.program import compiler_options, shape_of
from nas.train.recipe import Recipe
from nas.train.room import make_room, megabytes
from nas.train.step import Chain, State, Step, evaluated
from nas.train.stochastic_depth import draw_branches
from nas.train.threads import Sharing, Threads, hands

EVALUATION_BATCH = 128


@dataclass(frozen=True)
class Compiled:
    """A network's compiled step `(state, images, labels, step) -> (state, loss)`, and its
    prediction `(weights, statistics, images) -> logits`."""

    step: Callable[[State, Any, Any, Step], tuple[State, Any]]
    predict: Callable[[Any, Any, Any], Any]


def compile_chain(
    chain: Chain,
    recipe: Recipe,
    state: State,
    image_shape: tuple[int, ...],
    *,
    side: int | None = None,
    teacher: Teacher | None = None,
    devices: Devices | Threads | None = None,
) -> Compiled:
    """Compiles a network for pictures of `image_shape` (H, W, C), made `side` high and wide in training.

    Returns when the step is compiled. The prediction is compiled beside later steps, and
    waited for when it is called. With `devices` the state is to lie on all of them; the
    chain is to be one by block for threads, and for real devices one that is not.
    """
    keep_freed_memory()
    lesson = Lesson(teacher.chain, teacher.side, teacher.weight, teacher.temperature) if teacher else None
    plan = Plan(chain, recipe, side or image_shape[0], lesson, devices if recipe.norms_over == "device" else None)
    everywhere = devices.everywhere if devices else jax.device_put
    taught = everywhere(teacher.vectors) if teacher else ()
    batch = Batch(*_pictures(recipe.batch_size, image_shape), taught)
    tested, _ = _pictures(EVALUATION_BATCH, image_shape)
    if not chain.by_block:
        return _whole(plan, state, batch, tested, devices if isinstance(devices, Devices) else None)
    compiler = _Compiler()
    take_step(replace(plan, chain=replace(chain, run=compiler)), state, batch, _example(plan))
    steps = compiler.replay()
    replayed = replace(plan, chain=replace(chain, run=steps))
    later, (weights, statistics) = _Compiler(), jax.tree.map(shape_of, evaluated(state))
    prediction = _Background(lambda: replace(chain, run=later).predict(weights, statistics, tested))

    @cache
    def predictions() -> tuple[_Replay, Chain]:
        prediction.wait()
        found = later.replay()
        _pool().submit(kept.keep_postponed)
        return found, replace(chain, run=found)

    def step(state: State, images: Any, labels: Any, factors: Step) -> tuple[State, Any]:
        prediction.begin_at_second_call()
        steps.again()
        return take_step(replayed, state, Batch(images, labels, taught), factors)

    def predict(weights: Any, statistics: Any, images: Any) -> Any:
        found, compiled = predictions()
        found.again()
        return compiled.predict(weights, statistics, images)

    return Compiled(step, predict)


def _whole(plan: Plan, state: State, batch: Batch, tested: Any, devices: Devices | None) -> Compiled:
    """Step and prediction as one program each, for one device or several."""
    share: Callable[[Any], Any] = devices.split if devices else _itself
    shown = devices.everywhere if devices and EVALUATION_BATCH % devices.count else share
    options = compiler_options(whole=True)
    take = jax.jit(partial(take_step, plan), donate_argnums=0, compiler_options=options)
    take.lower(state, batch._replace(images=share(batch.images), labels=share(batch.labels)), _example(plan)).compile()
    infer = jax.jit(plan.chain.predict, out_shardings=devices.whole if devices else None, compiler_options=options)
    vectors = jax.tree.map(shape_of, evaluated(state))
    prediction = _Background(lambda: infer.lower(*vectors, shown(tested)).compile())

    def step(state: State, images: Any, labels: Any, factors: Step) -> tuple[State, Any]:
        prediction.begin_at_second_call()
        return take(state, Batch(share(images), share(labels), batch.teacher), factors)  # type: ignore[no-any-return]

    def predict(weights: Any, statistics: Any, images: Any) -> Any:
        prediction.wait()
        return infer(weights, statistics, shown(images))

    return Compiled(step, predict)


class _Compiler:
    """Runs programs of a chain by beginning to compile them, each once; gives shapes and computes nothing."""

    def __init__(self) -> None:
        self._begun: list[Future[Any] | _Compiler] = []

    def __call__(self, program: Any, *arguments: Any) -> Any:
        ready = program.ready(_pool(), arguments)
        self._begun.append(ready.compiled)
        return ready.shapes

    def beside(self, count: int, compute: Callable[[Sharing, int], Any]) -> list[Any]:
        """As `Sharing` has it: the programs of one are those of all."""
        own = _Compiler()
        found = compute(own, 0)
        self._begun.append(own)
        return [found] * count

    def replay(self) -> "_Replay":
        """What runs the same programs in the same order, once all are compiled."""
        return _Replay(self._compiled())

    def _compiled(self) -> list[Any]:
        return [begun._compiled() if isinstance(begun, _Compiler) else begun.result() for begun in self._begun]


class _Replay:
    """Runs compiled programs in the order in which a compiler was asked for them, again and again."""

    def __init__(self, programs: list[Any]):
        self._programs, self._next = programs, 0

    def __call__(self, _program: Any, *arguments: Any) -> Any:
        compiled = self._programs[self._next]
        self._next += 1
        return compiled(*arguments)

    def beside(self, count: int, compute: Callable[[Sharing, int], Any]) -> list[Any]:
        """As `Sharing` has it, each in a thread."""
        programs = self._programs[self._next]
        self._next += 1
        return list(hands(count).map(lambda number: compute(_Replay(programs), number), range(count)))

    def again(self) -> None:
        """To be called before each round."""
        self._next = 0


class _Background:
    """Work that is not needed for the first step, and so waits for its end."""

    def __init__(self, work: Callable[[], Any]):
        self._work, self._calls = work, 0
        self._begun: Future[Any] | None = None

    def begin_at_second_call(self) -> None:
        """To be called with every step."""
        self._calls += 1
        if self._calls == 2:
            self._begun = _pool().submit(self._work)

    def wait(self) -> None:
        """Returns when it is done; does it where it was not begun."""
        self._begun = self._begun or _pool().submit(self._work)
        self._begun.result()


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads to compile in: the compiler leaves Python's lock."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="compile")


def _pictures(size: int, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    return np.zeros((size, *image_shape), np.uint8), np.zeros(size, np.int32)


def _example(plan: Plan) -> Step:
    """A step such as all of a training are."""
    branches = draw_branches(plan.chain, plan.recipe, np.random.default_rng(0))
    return Step(np.zeros(len(plan.chain.layouts) + 1, np.uint32), np.float32(0), np.float32(0), branches)


def _itself(array: Any) -> Any:
    return array


def use_cache_on_disk() -> None:
    """Lets later processes find what this one compiles, unless JAX is told of another place already.

    The place is EDGESCALE_CACHE, or ~/.cache/edgescale; EDGESCALE_CACHE= (empty) for none.
    Programs are for one kind of processor, so each has its own folders there: what JAX keeps
    by a program's text, and what `nas.train.kept` keeps by what it is of. They may take
    EDGESCALE_CACHE_SIZE megabytes, or 2048 (`nas.train.room`).
    """
    place = os.environ.get("EDGESCALE_CACHE", "~/.cache/edgescale")
    if not place or jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return
    most = megabytes()
    folder = Path(place).expanduser() / f"jax-{_processor()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a home without room or rights costs time, not the training
    programs = folder.with_name(f"programs-{_processor()}")
    kept.keep_in(programs)
    _pool().submit(make_room, (folder, programs), most)
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
