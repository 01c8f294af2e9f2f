"""Times one training step, forward, backward and update: this toolkit, plain Flax, and PyTorch's timm.

    python benchmarks/train_step.py --torch PYTHON

PYTHON is an interpreter that has torch and timm; without one the table has no such column. The
three take turns, a few steps each, so that a noisy machine is noisy for all; each figure is the
median of all its steps. All compute in float32, with SGD, momentum and weight decay, on the same
number of pictures. Writes results/train_step.md.

Plain Flax is the same network with the library's convolutions everywhere, its whole step in one
`nnx.jit`, the optimizer from Optax.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
import optax
from experiment import markdown
from flax import nnx
from machine import header
from train_step_timm import LAYOUTS, Timm

from nas.architecture import Architecture
from nas.blocks.convolution import library_convolutions
from nas.emitters import SETTING, ask_in_flags
from nas.files import write_text
from nas.network import initialise
from nas.train import Recipe
from nas.train.allocation import keep_freed_memory
from nas.train.compiled import compile_chain
from nas.train.devices import Devices, sharing
from nas.train.step import Chain, Step
from search_spaces.zoo import zoo

NETWORKS = {
    "efficientnet-b0": "efficientnet_b0",
    "mobilenet-v2": "mobilenetv2_100",
    "efficientnet-edgetpu-s": "efficientnet_es",
}  # and the names that timm has for them
SIZES = ((64, 32), (16, 128))  # pictures, and their side
CLASSES = 10
STEPS = 4  # in one turn
FLAX_STEPS = 1  # plain Flax's, which take several times as long
RECIPE = Recipe(optimizer="sgd", learning_rate=0.01, momentum=0.9, weight_decay=1e-4, label_smoothing=0, augment=())

Turn = Callable[[], list[float]]
"""Does some steps and gives the seconds of each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has torch and timm")
    parser.add_argument("--turns", type=int, default=8, help="how often each is given its turn (default: 8)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    timm = Timm(options.torch) if options.torch else None
    flax = ProcessPoolExecutor(1, get_context("spawn"), as_it_comes)
    rows = []
    for name, theirs in NETWORKS.items():
        for batch, side in SIZES:
            peers = {
                "ours": ours(zoo(name).with_input(side).with_classes(CLASSES), batch),
                "flax": partial(in_its_process, flax, name, batch, side),
            }
            if timm:
                peers |= {what: timm.turn(theirs, CLASSES, batch, side, last, STEPS) for what, last in LAYOUTS.items()}
            rows.append((name, f"{batch} of {side}x{side}", *figures(alternate(peers, options.turns))))
            print(*rows[-1], sep="  ", flush=True)
    flax.shutdown()
    write_text(options.out / "train_step.md", document(rows, options.turns, timm))


def ours(architecture: Architecture, batch: int, recipe: Recipe = RECIPE, devices: int = 1) -> Turn:
    """Steps as `nas.train` makes them: of one processor block by block, of several devices all in one."""
    keep_freed_memory()
    network, side = initialise(architecture), architecture.resolution
    recipe = replace(recipe, batch_size=batch)
    group = sharing(recipe, devices)
    chain = Chain.of(network, by_block=not isinstance(group, Devices) and jax.default_backend() == "cpu")
    state = chain.state(network, recipe)
    state = group.everywhere(state) if group else state
    compiled = compile_chain(chain, recipe, state, (side, side, 3), devices=group)
    images, labels = pictures(batch, side)
    step = Step(np.zeros(len(chain.layouts) + 1, np.uint32), np.float32(RECIPE.learning_rate), np.float32(0))

    def one() -> None:
        nonlocal state
        state, loss = compiled.step(state, images, labels, step)
        jax.block_until_ready((state, loss))

    return timed(one)


def as_it_comes() -> None:
    """Leaves a process that has not yet used JAX without what this toolkit asks of XLA."""
    os.environ[SETTING] = "newer"
    ask_in_flags()


def in_its_process(pool: ProcessPoolExecutor, name: str, batch: int, side: int) -> list[float]:
    """A turn of plain Flax in a process of its own, as timm has one: none shares its memory with another."""
    return pool.submit(_turn_of_plain_flax, name, batch, side).result()


def _turn_of_plain_flax(name: str, batch: int, side: int) -> list[float]:
    return plain_flax(name, batch, side)()


@lru_cache(maxsize=1)
def plain_flax(name: str, batch: int, side: int) -> Turn:
    """Steps as Flax's own examples make them."""
    step = flax_step(initialise(zoo(name).with_input(side).with_classes(CLASSES)))
    images, labels = pictures(batch, side)
    return timed(lambda: step(images, labels), FLAX_STEPS)


def flax_step(network: Any) -> Callable[[Any, Any], None]:
    """A step of plain Flax and Optax, compiled when it is first called."""
    network.train()
    transform = optax.chain(optax.add_decayed_weights(RECIPE.weight_decay), optax.sgd(0.01, RECIPE.momentum, True))
    optimizer = nnx.Optimizer(network, transform, wrt=nnx.Param)

    def loss_of(network: Any, images: Any, labels: Any) -> Any:
        logits = network(images.astype(np.float32) / 127.5 - 1)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @nnx.jit
    def step(network: Any, optimizer: Any, images: Any, labels: Any) -> Any:
        loss, gradients = nnx.value_and_grad(loss_of)(network, images, labels)
        optimizer.update(network, gradients)
        return loss

    def one(images: Any, labels: Any) -> None:
        with library_convolutions():  # for the first call, which traces
            jax.block_until_ready(step(network, optimizer, images, labels))

    return one


def pictures(batch: int, side: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(batch, side, side, 3), dtype=np.uint8)
    return images, generator.integers(CLASSES, size=batch, dtype=np.int32)


def timed(one: Callable[[], None], steps: int = STEPS) -> Turn:
    """Turns of so many steps, the first step of all, which compiles, left out."""
    one()

    def turn() -> list[float]:
        seconds = []
        for _ in range(steps):
            started = time.perf_counter()
            one()
            seconds.append(time.perf_counter() - started)
        return seconds

    return turn


def alternate(peers: dict[str, Turn], turns: int) -> dict[str, list[float]]:
    """The seconds of every step of each peer, after a turn of each to warm up."""
    for turn in peers.values():
        turn()
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(turns):
        for name, turn in peers.items():
            seconds[name] += turn()
    return seconds


def figures(seconds: dict[str, list[float]]) -> tuple[str, ...]:
    """Medians in milliseconds, and how many times as long the others take."""
    middle = {name: median(values) for name, values in seconds.items()}
    others = ("flax", *LAYOUTS)
    times = [f"{1000 * middle[name]:.1f}" if name in middle else "" for name in ("ours", *others)]
    ratios = [f"{middle[name] / middle['ours']:.2f}" if name in middle else "" for name in others]
    return (*times, *ratios)


def document(rows: list[tuple[str, ...]], turns: int, timm: Timm | None) -> str:
    """The table as Markdown."""
    facts = header(("jax", "flax", "optax"), **(timm.versions if timm else {}))
    method = (
        f"Milliseconds of one step, median of {turns * STEPS} ({turns * FLAX_STEPS} of plain Flax) in {turns} turns; "
        "weights and pictures from seed 0, 10 classes, float32. timm is eager, in PyTorch's own layout and with the "
        "channels last. A ratio above 1 says how many times as long they take."
    )
    others = ("Flax", *LAYOUTS)
    columns = ("network", "pictures", "ours", *others, *(f"{name} / ours" for name in others))
    parts = ["# One training step", "Written by `benchmarks/train_step.py`.", markdown(("what", "found"), facts)]
    return "\n\n".join([*parts, method, markdown(columns, rows)]) + "\n"


if __name__ == "__main__":
    main()
