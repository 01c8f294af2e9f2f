"""One small run of the whole chain, shared by the tests that look at what it left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TINY = """
name: tiny
data: {limit: 192}
space: |
  input 8x8x1
  stem  conv k3 s1 c8 act=relu6
  stage {mbconv,conv} k3 s2 e2 c{8,16} se{0,0.25} act=relu6
  head  pool
  head  dense c10
search:
  architectures: 3
  limits: {edgetpu-usb: 0.4}
  recipe: {epochs: 1, batch_size: 32}
train: {epochs: 2, batch_size: 32}
scale: {to: b0..b1, train: [b0, b1], recipe: {epochs: 1, batch_size: 32}, warm_start: true, compare: true}
export: {calibration_images: 16}
"""


def nas(*arguments, **options):
    """Runs the `nas` command as a user would."""
    command = [sys.executable, "-m", "experiments", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, **options)


@pytest.fixture(scope="session")
def tiny_yaml(tmp_path_factory):
    """The three-trial experiment's file."""
    file = tmp_path_factory.mktemp("experiment") / "tiny.yaml"
    file.write_text(TINY)
    return file


@pytest.fixture(scope="session")
def tiny_run(tiny_yaml, tmp_path_factory):
    """A finished run of it: its folder, and what `--json` printed."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    done = nas("run", tiny_yaml, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)
