"""Times the wait for a training's first step: this toolkit, plain Flax, and PyTorch's timm.

    python benchmarks/first_step.py --torch PYTHON

PYTHON is an interpreter that has torch and timm; without one the table has no such rows. The
clock runs from an architecture (timm: a model's name), everything imported, to the end of the
first training step of 64 pictures of 32x32. Each figure is from a process of its own, whose
cache on disk is empty at first; `again` is the same in a second process. The 20th network is the
last of twenty drawn from the space of experiments/cifar10_edgetpu.yaml with seed 0, built one
after another in one process; plain Flax shares nothing among them, so only that one is built.
Writes results/first_step.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
BATCH, SIDE, CLASSES = 64, 32, 10
NETWORKS = 20
TASKS = ("ours", "ours-space", "flax", "flax-space")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has torch and timm")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)  # how this script calls itself
    options = parser.parse_args()
    if options.task:
        _answer(options.task)
        return
    from experiment import markdown
    from machine import header

    from nas.files import write_text

    rows = []
    for row in _rows(options.torch):
        print(*row, sep="  ", flush=True)
        rows.append(row)
    columns = ("", "EfficientNet-B0", "again in a new process", f"the {NETWORKS}th network", "to import first")
    facts = header(("jax", "flax", "optax"), **(_versions(options.torch) if options.torch else {}))
    parts = ["# Waiting for the first training step", "Written by `benchmarks/first_step.py`, which says how."]
    table = markdown(columns, rows)
    unit = f"Seconds; {BATCH} pictures of {SIDE}x{SIDE}, {CLASSES} classes, float32, SGD with momentum."
    write_text(
        options.out / "first_step.md", "\n\n".join([*parts, markdown(("what", "found"), facts), unit, table]) + "\n"
    )


def _rows(torch: str | None) -> Iterator[tuple[str, ...]]:
    with TemporaryDirectory() as cache, TemporaryDirectory() as other:
        cold, warm = _ask("ours", cache), _ask("ours", cache)
        last = _ask("ours-space", other)
        yield _row("ours", cold, warm, last)
    cold, last = _ask("flax", ""), _ask("flax-space", "")
    yield _row("plain Flax, nnx.jit", cold, cold, last)
    if torch:
        with TemporaryDirectory() as cache:
            eager = _ask_torch(torch, "eager", cache)
            yield _row("timm eager", eager, eager, None)
            yield _row("timm, torch.compile", *(_ask_torch(torch, "compile", cache) for _ in range(2)), None)


def _row(name: str, cold: Any, warm: Any, last: Any) -> tuple[str, ...]:
    seconds = [f"{found['seconds']:.1f}" if found else "" for found in (cold, warm, last)]
    return (name, *seconds, f"{cold['imports']:.1f}")


def _ask(task: str, cache: str) -> Any:
    environment = {**os.environ, "EDGESCALE_CACHE": cache, "PYTHONPATH": str(HERE.parent)}
    return _said([sys.executable, __file__, "--task", task], environment)


def _ask_torch(python: str, how: str, cache: str) -> Any:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": cache, "TORCHINDUCTOR_CACHE_DIR": cache}
    return _said([python, str(HERE / "first_step_torch.py"), how, str(BATCH), str(SIDE), str(CLASSES)], environment)


def _versions(python: str) -> Any:
    return _ask_torch(python, "versions", "/nonexistent")


def _said(command: list[str], environment: dict[str, str]) -> Any:
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def _answer(task: str) -> None:
    """What one process of its own measures."""
    started = time.perf_counter()
    import nas.train.loop  # noqa: F401  # all that a training imports
    from search_spaces.zoo import zoo

    imported = time.perf_counter() - started
    from train_step import as_it_comes

    first = _ours if task.startswith("ours") else _flax
    if first is _flax:
        as_it_comes()
    if task.endswith("space"):
        networks = _drawn() if first is _ours else _drawn()[-1:]
    else:
        networks = [zoo("efficientnet-b0").with_input(SIDE).with_classes(CLASSES)]
    seconds = [_timed(lambda network=network: first(network)) for network in networks]
    print(json.dumps({"seconds": seconds[-1], "imports": imported, "all": seconds}))


def _timed(one: Callable[[], None]) -> float:
    started = time.perf_counter()
    one()
    return time.perf_counter() - started


def _drawn() -> list[Any]:
    """Architectures drawn from a space, all different."""
    import numpy as np

    from experiments.schema import load_experiment

    space = load_experiment(HERE.parent / "experiments" / "cifar10_edgetpu.yaml").search_space()
    generator, found = np.random.default_rng(0), {}
    while len(found) < NETWORKS:
        drawn = space.build({name: values[generator.integers(len(values))] for name, values in space.choices.items()})
        found[drawn.digest] = drawn
    return list(found.values())


def _ours(architecture: Any) -> None:
    import jax
    import numpy as np
    from train_step import RECIPE, pictures

    from nas.network import initialise
    from nas.train.compiled import compile_chain, use_cache_on_disk
    from nas.train.step import Chain, Step

    use_cache_on_disk()
    network = initialise(architecture)
    chain = Chain.of(network, by_block=jax.default_backend() == "cpu")
    state = chain.state(network, RECIPE)
    compiled = compile_chain(chain, RECIPE, state, (SIDE, SIDE, 3))
    step = Step(np.zeros(len(chain.layouts) + 1, np.uint32), np.float32(RECIPE.learning_rate), np.float32(0))
    jax.block_until_ready(compiled.step(state, *pictures(BATCH, SIDE), step))


def _flax(architecture: Any) -> None:
    from flax import nnx
    from train_step import flax_step, pictures

    from nas.network import Network

    network = Network(architecture, rngs=nnx.Rngs(0))
    flax_step(network)(*pictures(BATCH, SIDE))


if __name__ == "__main__":
    main()
