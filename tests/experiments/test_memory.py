"""Commands that train have freed memory kept before JAX starts its threads, which later it would not reach."""

import subprocess
import sys
from pathlib import Path

import pytest

STARTED = """
import os, sys
import nas.train.allocation as allocation
# JAX says nowhere else, without starting them, whether its threads have started.
from jax._src.xla_bridge import backends_are_initialized

def first_call():
    print("late" if backends_are_initialized() else "in time", flush=True)
    os._exit(0)

allocation.keep_freed_memory = first_call
sys.stdout = sys.stderr = os.fdopen(os.dup(1), "w")
from experiments.cli import main
main(sys.argv[1:])
"""
SCALE = "scale mobilenet-v1-0.25-128 --search --data digits"


@pytest.mark.parametrize("words", ["run experiments/quickstart.yaml", "train mobilenet-v1-0.25-128", SCALE])
def test_memory_is_kept_before_threads_start(words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTED, *words.split(), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "in time", done.stdout + done.stderr
