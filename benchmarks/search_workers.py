"""Times a search by how many processes train its trials: none beside it, one, two, and a Ray cluster of two nodes.

    python benchmarks/search_workers.py

The search of experiments/quickstart.yaml, shortened to ARCHITECTURES distinct ones. Each row is a
process of its own, whose cache of compiled programs is empty at first. The clock runs from the
call that begins the search, with the pictures loaded, to its end: starting the workers is in it,
starting the cluster is not. The cluster's nodes are two Ray nodes on this machine. One process
uses several cores already, above all to compile; so that workers can be compared there are rows of
one core and of two. Writes results/search_workers.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
ONE_CORE = "1 local worker, 1 core"
EXPERIMENT = HERE.parent / "experiments" / "quickstart.yaml"
ARCHITECTURES = 16
ROWS = {
    ONE_CORE: ("search.workers=1",),
    "1 local worker, 2 cores": ("search.workers=1",),
    "no worker, 2 cores": (),
    "2 local workers, 1 core each": ("search.workers=2",),
    "Ray, 2 nodes of 1 core": ("search.workers=2", "search.engine=ray"),
}
MEMORY = 100_000_000  # bytes of a Ray node's object store, which nothing is put into


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)  # how this script calls itself
    options = parser.parse_args()
    if options.row:
        if options.row == ONE_CORE:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(search_once(ROWS[options.row])))
        return
    from nas.files import write_text

    found = {row: _in_a_process(row) for row in ROWS}
    write_text(options.out / "search_workers.md", table(found))


def _in_a_process(row: str) -> dict[str, Any]:
    with TemporaryDirectory() as cache:
        command = [sys.executable, __file__, "--row", row]
        environment = {**os.environ, "EDGESCALE_CACHE": cache, "RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def search_once(overrides: tuple[str, ...]) -> dict[str, Any]:
    """Runs the search in this process: its seconds, its trials, and when it reached which accuracy."""
    from experiments.context import Context
    from experiments.progress import RunProgress
    from experiments.run_folder import RunFolder
    from experiments.schema import load_experiment
    from experiments.stages.search import run_search
    from experiments.study import open_study

    with TemporaryDirectory() as out, _cluster("search.engine=ray" in overrides) as address:
        settings = [*overrides, *address, f"search.architectures={ARCHITECTURES}"]
        experiment = load_experiment(EXPERIMENT, settings)
        with RunFolder.claim(Path(out), experiment) as folder, RunProgress(1) as progress:
            context = Context.load(experiment, folder, progress)
            started = time.time()
            run_search(context)
            seconds = time.time() - started
            with open_study(context) as study:
                trials = study.get_trials()
    reached = [
        (trial.datetime_complete.timestamp() - started, trial.user_attrs["accuracy"])
        for trial in trials
        if trial.datetime_complete and "accuracy" in trial.user_attrs
    ]
    trained = sum(trial.user_attrs["outcome"] == "trained" for trial in trials)
    return {"seconds": seconds, "trained": trained, "trials": len(trials), "reached": sorted(reached)}


@contextmanager
def _cluster(wanted: bool) -> Iterator[tuple[str, ...]]:
    """Two Ray nodes beside a head that trains nothing; the setting that says where."""
    if not wanted:
        yield ()
        return
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    yield (f"search.engine=ray:{cluster.address}",)
    cluster.shutdown()


def table(found: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    from experiment import markdown
    from machine import header

    best = {row: max(accuracy for _, accuracy in one["reached"]) for row, one in found.items()}
    common = min(best.values())
    alone = next(iter(found.values()))["seconds"]
    rows = [
        (
            row,
            f"{one['seconds']:.0f}",
            f"{alone / one['seconds']:.2f}",
            str(one["trials"]),
            str(one["trained"]),
            f"{3600 * one['trials'] / one['seconds']:.0f}",
            f"{3600 * one['trained'] / one['seconds']:.0f}",
            f"{best[row]:.2%}",
            f"{next(second for second, accuracy in one['reached'] if accuracy >= common):.0f}",
        )
        for row, one in found.items()
    ]
    heads = ("who trains", "seconds", "times as fast", "trials", "trained", "trials an hour", "trained an hour")
    heads += ("best on validation", f"seconds to {common:.2%}")
    return "\n\n".join(
        [
            "# Workers of a search",
            "Written by `benchmarks/search_workers.py`, which says how.",
            markdown(("what", "found"), header(("jax", "optuna", "ray"))),
            f"The quickstart's search, shortened to {ARCHITECTURES} distinct architectures, one run of each row. "
            "With several trials at once the sampler proposes before it knows the results of those under way, so "
            "the rows do not train the same architectures.",
            markdown(heads, rows),
            "",
        ]
    )


if __name__ == "__main__":
    main()
