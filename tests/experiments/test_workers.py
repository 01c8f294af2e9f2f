"""Searches whose trials are trained by processes of their own: killed, gone on with, and the same results."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.runner import run_experiment
from experiments.schema import load_experiment
from nas.errors import InputError
from tests.experiments.conftest import ROOT

SEARCH = """
import sys
from pathlib import Path
from experiments.context import Context
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from experiments.stages.search import run_search
experiment = load_experiment(Path(sys.argv[1]), sys.argv[3:])
with RunFolder.claim(Path(sys.argv[2]), experiment) as folder, RunProgress(1) as progress:
    run_search(Context.load(experiment, folder, progress))
"""


def search(experiment, out, *overrides):
    """A process that runs the search of an experiment and nothing else."""
    command = [sys.executable, "-c", SEARCH, str(experiment), str(out), *overrides]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def children(pid):
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def trained(out):
    """The accuracy of each architecture that was trained."""
    with (out / "trials.csv").open() as opened:
        rows = [row for row in csv.DictReader(opened) if row["state"] == "trained"]
    assert len({row["digest"] for row in rows}) == len(rows)
    return {row["architecture"]: float(row["validation_accuracy"]) for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux lists them")
def test_worker_and_search_are_killed_and_the_same_command_goes_on(tiny_yaml, tiny_run, tmp_path):
    out, overrides = tmp_path / "run", ("search.workers=2", "search.architectures=3")
    first = search(tiny_yaml, out, *overrides)
    while not list(out.glob("checkpoints/trial-*")):
        assert first.poll() is None
        time.sleep(0.01)
    os.kill(children(first.pid)[0], signal.SIGKILL)
    while not (out / "trials.csv").exists():
        assert first.poll() is None
        time.sleep(0.01)
    workers = children(first.pid)
    first.kill()
    first.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.01)
    assert search(tiny_yaml, out, *overrides).wait() == 0
    here, there = trained(out), trained(tiny_run[0])
    assert here.keys() == there.keys()
    assert here == pytest.approx(there, abs=0.05)  # other cores add in another order


def test_who_trains_decides_nothing_of_the_results(tiny_yaml):
    override = ("search.workers=2", "search.engine=ray:localhost:6379", "search.storage=${STUDIES}")
    other = load_experiment(tiny_yaml, override)
    assert other.digest == load_experiment(tiny_yaml).digest
    assert "${STUDIES}" in other.to_yaml()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("search.storage=postgresql://me:${NONE}@localhost/x",), "search.storage: the environment has no NONE"),
        (("search.workers=1", "search.engine=ray:localhost:1"), "search.engine: .*(not installed|does not answer)"),
    ],
)
def test_what_cannot_be_reached_is_one_line(tiny_yaml, tmp_path, overrides, said):
    with pytest.raises(InputError, match=said):
        run_experiment(load_experiment(tiny_yaml, overrides), tmp_path / "run")
