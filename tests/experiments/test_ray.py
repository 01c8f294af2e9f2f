"""A whole run whose trials are trained on a Ray cluster: killed, gone on with, and at its report."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.experiments.conftest import ROOT, nas
from tests.experiments.test_workers import trained
from tests.ray_cluster import two_nodes

# Ray leaves files of its own open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def address():
    with two_nodes() as cluster:
        yield cluster.address


def test_a_run_on_ray_is_killed_and_reaches_its_report(address, tiny_yaml, tiny_run, tmp_path):
    out, settings = tmp_path / "run", ("--workers", "2", "--set", f"search.engine=ray:{address}")
    command = [sys.executable, "-m", "experiments", "run", str(tiny_yaml), "--out", str(out), *settings]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not list(out.glob("checkpoints/trial-*")):
        assert first.poll() is None
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not (out / "report.html").exists()
    done = nas("run", tiny_yaml, "--out", out, *settings)
    assert done.returncode == 0, done.stderr
    assert (out / "report.html").stat().st_size > 0
    here, there = trained(out), trained(tiny_run[0])
    assert here.keys() == there.keys()
    assert here == pytest.approx(there, abs=0.05)  # other cores add in another order
