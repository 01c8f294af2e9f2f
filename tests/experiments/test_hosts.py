"""`nas train` on two hosts, which are two processes here, and on a divided processor, against one by itself.

Of the two hosts one is told by the command line, one is not.
"""

import json
import os
import socket
import subprocess
import sys

import pytest

from experiments.cli import run
from tests.experiments.conftest import ROOT, nas

NETWORK = "input 8x8x1\nstem conv k3 s2 c8\nhead pool\nhead dense c10\n"
RECIPE = ("--epochs", "2", "--batch-size", "32", "--set", "data.limit=96", "--set", "recipe.augment=[flip]")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The network's file."""
    path = tmp_path_factory.mktemp("hosts") / "net.arch"
    path.write_text(NETWORK)
    return path


def together(words):
    """What two processes print for the same command, once both have ended."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    hosts = []
    for number in range(2):
        where = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "1"} if number else {}
        said = () if number else ("--hosts", f"{address},2,0")
        command = [sys.executable, "-m", "experiments", *map(str, words), *said]
        environment = {**os.environ, **where, "XLA_FLAGS": ""}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        hosts.append(subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes))
    return [(*host.communicate(), host.returncode) for host in hosts]


@pytest.fixture(scope="module")
def alone(file, tmp_path_factory):
    """The folder of a training by itself, and what it printed."""
    out = tmp_path_factory.mktemp("alone") / "one"
    done = nas("train", file, *RECIPE, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_two_hosts_train_as_one(file, alone, tmp_path):
    first, second = together(("train", file, *RECIPE, "--json", "--out", tmp_path / "both"))
    assert [first[2], second[2]] == [0, 0], (first[1], second[1])
    mine, theirs = (json.loads(said) for said, _, _ in (first, second))
    assert mine["test"] == theirs["test"]
    folder, result = alone
    assert losses(tmp_path / "both") == pytest.approx(losses(folder), rel=1e-4)
    assert mine["test"]["loss"] == pytest.approx(result["test"]["loss"], rel=1e-3)
    kept = [{file.name.split(".")[0] for file in path.iterdir()} for path in (tmp_path / "both", folder)]
    assert kept[0] == kept[1]


def test_a_divided_processor_trains_as_one(file, alone, tmp_path):
    words = ("train", file, *RECIPE, "--devices", "4", "--out", tmp_path / "divided")
    done = nas(*words, env={**os.environ, "XLA_FLAGS": ""})
    assert done.returncode == 0, done.stderr
    assert losses(tmp_path / "divided") == pytest.approx(losses(alone[0]), rel=1e-4)


def test_a_processors_threads_train_with_norms_over_their_shares(file, alone, tmp_path):
    words = ("--devices", "4", "--set", "recipe.norms_over=device", "--out", tmp_path / "shared")
    done = nas("train", file, *RECIPE, *words, env={**os.environ, "XLA_FLAGS": ""})
    assert done.returncode == 0, done.stderr
    mine, theirs = losses(tmp_path / "shared"), losses(alone[0])
    assert len(mine) == len(theirs)
    assert mine != pytest.approx(theirs, rel=1e-4)  # whose norms see all


def test_hosts_that_are_none_are_refused(file, tmp_path, capsys):
    assert run(["train", str(file), *RECIPE, "--hosts", "node0", "--out", str(tmp_path / "x")]) == 2
    assert "--hosts: found 'node0'; expected ADDRESS:PORT,COUNT,NUMBER" in capsys.readouterr().err
    words = ("--hosts", "node0:7000,2,0", "--devices", "2", "--out", str(tmp_path / "x"))
    assert run(["train", str(file), *RECIPE, *words]) == 2
    assert "--devices 2: found 2 hosts; expected none, each brings all" in capsys.readouterr().err
