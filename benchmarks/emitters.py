"""Times what XLA's two code generators for CPUs cost: the wait for a first training step, and each step after it.

    python benchmarks/emitters.py

The toolkit has XLA use the older one where EDGESCALE_EMITTERS does not say `newer`. Here every network is compiled by
each, in a process of its own with an empty cache, and then they take turns, a few steps each.
Rows go to results/emitters.csv beside those of other versions of JAX, of which results/emitters.md is made.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import jax
from experiment import markdown
from machine import header
from train_cifar10 import read
from train_step import CLASSES, NETWORKS, SIZES, ours

from nas.emitters import SETTING
from nas.files import write_text
from search_spaces.zoo import zoo

RESULTS = Path(__file__).parent / "results"
OLDER, NEWER = "older", "newer"
TURNS = 8
COLUMNS = (
    "jax",
    "network",
    "pictures",
    "side",
    *(f"{what}_{how}" for what in ("first", "step") for how in (OLDER, NEWER)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)  # how this script calls itself
    options = parser.parse_args()
    if options.serve:
        network, *sizes = options.serve
        _serve(network, *map(int, sizes))
        return
    file = options.out / "emitters.csv"
    for network in NETWORKS:
        for pictures, side in SIZES:
            told = (jax.__version__, network, str(pictures), str(side))
            row = dict(zip(COLUMNS, (*told, *measured(network, pictures, side)), strict=True))
            print(*row.values(), sep="  ", flush=True)
            rows = [one for one in read(file) if tuple(one.values())[: len(told)] != told]
            rows = sorted([*rows, row], key=lambda one: one["jax"])
            lines = [COLUMNS, *([one[key] for key in COLUMNS] for one in rows)]
            write_text(file, "".join(",".join(line) + "\n" for line in lines))
            write_text(file.with_suffix(".md"), document(rows))


def measured(network: str, pictures: int, side: int) -> tuple[str, ...]:
    """Seconds to the first step by each, and milliseconds of a step by each."""
    first: dict[str, float] = {}
    steps: dict[str, list[float]] = {OLDER: [], NEWER: []}
    with TemporaryDirectory() as cache:
        processes = {}
        for how in steps:
            environment = {**os.environ, "EDGESCALE_CACHE": f"{cache}/{how}", SETTING: how}
            processes[how] = subprocess.Popen(
                [sys.executable, __file__, "--serve", network, str(pictures), str(side)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            first[how] = _answer(processes[how])
        for _ in range(TURNS):
            for how, process in processes.items():
                steps[how] += _answer(process, "\n")
        for process in processes.values():
            process.communicate()
    return (
        *(f"{first[how]:.1f}" for how in (OLDER, NEWER)),
        *(f"{1e3 * median(steps[how]):.0f}" for how in (OLDER, NEWER)),
    )


def _answer(process: subprocess.Popen[str], asked: str = "") -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(asked)
    process.stdin.flush()
    if not (answer := process.stdout.readline()):
        raise SystemExit("a process that measures ended early; expected times from it")
    return json.loads(answer)


def _serve(network: str, pictures: int, side: int) -> None:
    """The first step's seconds, and those of some more for each line that is read."""
    architecture = zoo(network).with_input(side).with_classes(CLASSES)
    started = time.perf_counter()
    turn = ours(architecture, pictures)
    print(json.dumps(time.perf_counter() - started), flush=True)
    for _ in sys.stdin:
        print(json.dumps(turn()), flush=True)


def document(rows: Sequence[dict[str, str]]) -> str:
    """The table as Markdown."""
    lines = [
        (
            row["jax"],
            row["network"],
            f"{row['pictures']} of {row['side']}x{row['side']}",
            row["first_older"],
            row["first_newer"],
            row["step_older"],
            row["step_newer"],
            f"{float(row['step_older']) / float(row['step_newer']):.2f}",
        )
        for row in rows
    ]
    columns = (
        "JAX",
        "network",
        "pictures",
        *(f"first step, s, {how}" for how in (OLDER, NEWER)),
        *(f"step, ms, {how}" for how in (OLDER, NEWER)),
        "older / newer",
    )
    return "\n\n".join(
        [
            "# XLA's two code generators",
            "Written by `benchmarks/emitters.py`, which says how. The older is the toolkit's choice where "
            "EDGESCALE_EMITTERS does not say `newer`.",
            markdown(("what", "found"), header(("flax", "optax"))),
            f"The first step from an architecture, with an empty cache; then medians of {TURNS} turns of some steps.",
            markdown(columns, lines),
        ]
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
