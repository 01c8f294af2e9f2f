"""Counts the trials an hour of the quickstart's search: as it stands, and as it would be without shared programs.

    python benchmarks/trials_per_hour.py

The search of experiments/quickstart.yaml, shortened as benchmarks/search_workers.py shortens it. Each
row is a process of its own. `one program a network` is what a user of plain Flax has: weights drawn
eagerly, layer by layer, then one program for the whole training step of each network, and nothing kept
on disk. `block by block` begins with an empty cache on disk, and `again` finds what that left. All
three train the same networks to the same numbers but for rounding. Writes results/trials_per_hour.md.
"""

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiment import markdown
from machine import header
from search_workers import ARCHITECTURES, search_once

from nas.architecture import Architecture
from nas.files import write_text

HERE = Path(__file__).parent
BEFORE = "one program a network"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--row", help=argparse.SUPPRESS)  # how this script calls itself
    options = parser.parse_args()
    if options.row:
        if options.row == BEFORE:
            _compile_each_network_whole()
        print(json.dumps(search_once(())))
        return
    with TemporaryDirectory() as cache:
        found = {
            BEFORE: _in_a_process(BEFORE, ""),
            "block by block": _in_a_process("block by block", cache),
            "again": _in_a_process("again", cache),
        }
    write_text(options.out / "trials_per_hour.md", document(found))


def _in_a_process(row: str, cache: str) -> dict[str, Any]:
    environment = {**os.environ, "EDGESCALE_CACHE": cache}
    command = [sys.executable, __file__, "--row", row]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = dict(json.loads(done.stdout.splitlines()[-1]))
    print(f"{row}: {found['trials']} trials, {found['trained']} trained, {found['seconds']:.0f} s", flush=True)
    return found


def _compile_each_network_whole() -> None:
    """Makes the search of this process train as plain Flax would."""
    from flax import nnx

    import experiments.context
    from nas.network import Network
    from nas.train import train

    def trained(architecture: Architecture, *arguments: Any, **options: Any) -> Any:
        Network(architecture, rngs=nnx.Rngs(0))  # for the time that it takes; training draws its weights again
        return partial(train, by_block=False)(architecture, *arguments, **options)

    experiments.context.train = trained  # type: ignore[attr-defined]


def document(found: dict[str, dict[str, Any]]) -> str:
    """The table as Markdown."""
    slowest = found[BEFORE]["seconds"]
    rows = [
        (
            row,
            f"{one['seconds']:.0f}",
            str(one["trials"]),
            str(one["trained"]),
            f"{3600 * one['trials'] / one['seconds']:.0f}",
            f"{slowest / one['seconds']:.1f}",
        )
        for row, one in found.items()
    ]
    parts = [
        "# Trials an hour",
        "Written by `benchmarks/trials_per_hour.py`, which says how.",
        markdown(("what", "found"), header(("jax", "flax", "optax", "optuna"))),
        f"The quickstart's search of {ARCHITECTURES} distinct networks on the embedded digits.",
        markdown(("the training step", "seconds", "trials", "trained", "trials an hour", "times as fast"), rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
