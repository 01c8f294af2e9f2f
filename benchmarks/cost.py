"""Times costing: how many architectures a second, from an `Architecture` to parameters, MACs and latency.

    python benchmarks/cost.py [--architectures N] [--out DIR]

Takes distinct architectures drawn from the space of experiments/cifar10_edgetpu.yaml, on one core.
In every round each way has its turn, so that a noisy machine is noisy for all; each figure is
the median of the rounds. The peers know nothing of blocks: one builds each network's Flax module
abstractly and counts its arrays, the other has XLA count the operations of the lowered
network. Both give less, having no latency. Writes results/cost.md.
"""

import argparse
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
from experiment import markdown
from flax import nnx
from machine import header

from experiments.schema import load_experiment
from nas.architecture import Architecture
from nas.blocks.convolution import library_convolutions
from nas.blocks.initializers import shapes_only
from nas.files import write_text
from nas.latency import Device, load_device
from nas.network import Network
from nas.search.facts import facts
from nas.trace import trace_block
from search_spaces import SearchSpace

ROOT = Path(__file__).parent.parent
EXPERIMENT = ROOT / "experiments" / "cifar10_edgetpu.yaml"
DEVICE = "edgetpu-usb"
SEED = 0
SLOW = 4  # architectures that a peer takes in a round
REQUIRED = 5000  # architectures a second

Turn = Callable[[int], float]
"""Does a round and gives the seconds that one architecture took."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=5000, help="distinct ones to cost (default: 5000)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each way has its turn (default: 7)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    one_core()
    space, device = load_experiment(EXPERIMENT, []).search_space(), load_device(DEVICE)
    choices, architectures = drawn(space, options.architectures)
    cold = first_pass(architectures, device)
    ways = ways_of(space, choices, architectures, device)
    seconds = {name: [turn(index) for index in range(options.rounds)] for name, turn in ways.items()}
    write_text(options.out / "cost.md", document(len(architectures), cold, seconds, options.rounds))
    print(f"wrote {options.out / 'cost.md'}")


def one_core() -> None:
    """Keeps the process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def drawn(space: SearchSpace, count: int) -> tuple[list[dict[str, Any]], list[Architecture]]:
    """Choices that give `count` distinct architectures, and these."""
    generator = random.Random(SEED)
    found: dict[Architecture, dict[str, Any]] = {}
    while len(found) < count:
        chosen = {name: generator.choice(values) for name, values in space.choices.items()}
        found.setdefault(space.build(chosen), chosen)
    return list(found.values()), list(found)


def first_pass(architectures: Sequence[Architecture], device: Device) -> tuple[float, int]:
    """Seconds of costing all while their blocks are yet to be traced, and how many blocks that were."""
    trace_block.cache_clear()
    start = time.perf_counter()
    for architecture in architectures:
        facts(architecture, (device,))
    return time.perf_counter() - start, trace_block.cache_info().misses


def ways_of(
    space: SearchSpace, choices: Sequence[dict[str, Any]], architectures: Sequence[Architecture], device: Device
) -> dict[str, Turn]:
    """Every way to cost, by what it is called in the table."""
    texts = [architecture.text for architecture in architectures]

    def every(cost: Callable[[Any], object], items: Sequence[Any]) -> Turn:
        return lambda _: timed(cost, items)

    def few(cost: Callable[[Any], object]) -> Turn:
        return lambda index: timed(cost, [architectures[SLOW * index + i] for i in range(SLOW)])

    return {
        "an `Architecture`": every(lambda a: facts(a, (device,)), architectures),
        "its text": every(lambda text: facts(Architecture.parse(text), (device,)), texts),
        "choices of the space": every(lambda chosen: facts(space.build(chosen), (device,)), choices),
        "peer: Flax module built abstractly, arrays counted": few(count_arrays),
        "peer: operations counted by XLA": few(count_operations),
    }


def timed(cost: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Seconds of `cost` for one of the items."""
    start = time.perf_counter()
    for item in items:
        cost(item)
    return (time.perf_counter() - start) / len(items)


def abstract(architecture: Architecture) -> Network:
    """The network without values, and without tracing how they would be drawn."""
    with shapes_only():
        network: Network = nnx.eval_shape(lambda: Network(architecture, rngs=nnx.Rngs(0)))
    return network


def count_arrays(architecture: Architecture) -> int:
    """Trainable parameters, by building the whole network without values."""
    network = abstract(architecture)
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def count_operations(architecture: Architecture) -> float:
    """Floating-point operations of one picture, by lowering the whole network."""
    graph, state = nnx.split(abstract(architecture))

    def infer(state: Any, x: jax.Array) -> jax.Array:
        network = nnx.merge(graph, state)
        network.eval()  # type: ignore[no-untyped-call]
        return network(x)

    size = architecture.resolution
    picture = jax.ShapeDtypeStruct((1, size, size, architecture.channels), np.float32)
    with library_convolutions():
        return float((jax.jit(infer).lower(state, picture).cost_analysis() or {})["flops"])


def document(count: int, cold: tuple[float, int], seconds: dict[str, list[float]], rounds: int) -> str:
    """The whole table."""
    fastest = median(next(iter(seconds.values())))
    rows = [
        (name, _rate(median(each)), f"{1e6 * median(each):,.0f}", _rate(max(each)), f"{median(each) / fastest:,.1f}")
        for name, each in seconds.items()
    ]
    found = [
        *header(("jax", "flax", "numpy"), seed=str(SEED)),
        ("space", f"`experiments/{EXPERIMENT.name}`, {count:,} distinct architectures, {DEVICE}"),
        ("rounds", f"{rounds}, on one core; a peer takes {SLOW} architectures in each"),
        ("first pass", f"{cold[0]:.1f} s, in which {cold[1]:,} distinct blocks were traced"),
        ("required", f"{REQUIRED:,} a second from an `Architecture`"),
    ]
    columns = ("from", "architectures a second", "microseconds each", "slowest round, a second", "times the first")
    method = (
        "From an architecture to its parameters, multiply-accumulates and estimated latency once all its blocks "
        "have been seen; the peers give parameters alone and operations alone."
    )
    parts = ["# Costing architectures", "Written by `benchmarks/cost.py`.", markdown(("what", "found"), found)]
    return "\n\n".join([*parts, method, markdown(columns, rows)]) + "\n"


def _rate(seconds: float) -> str:
    return f"{1 / seconds:,.0f}" if seconds < 0.01 else f"{1 / seconds:.1f}"


if __name__ == "__main__":
    main()
