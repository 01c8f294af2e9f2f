"""What the README shows works as it stands there."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from experiments.cli import run
from experiments.schema import load_experiment
from nas.blocks import KINDS
from nas.latency import load_device

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

EXPERIMENT = """
name: twins
data: {limit: 128}
space: |
  input 8x8x1
  stage twin s2 c{8,12}
  head  pool
  head  dense c10
search: {architectures: 2, limits: {edgetpu-usb: 1.0}, recipe: {epochs: 1, batch_size: 32}}
train: {epochs: 1, batch_size: 32}
scale: {to: b0..b1, train: [b1], recipe: {epochs: 1, batch_size: 32}}
export: {calibration_images: 16}
"""


@pytest.fixture
def twin():
    """The README's block, as a module of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    module = ModuleType("twin")
    sys.modules["twin"] = module
    exec(compile(code, "README.md", "exec"), module.__dict__)
    yield module
    del sys.modules["twin"], KINDS["twin"]


@pytest.fixture
def nas(capsys):
    """Runs a command line of `nas` in this process, which knows the block, and returns its answer."""

    def command(*arguments):
        assert run([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return command


@pytest.mark.usefixtures("twin")
def test_block_of_the_readme_is_searched_costed_trained_scaled_and_exported(nas, tmp_path):
    experiment, folder, file = tmp_path / "twins.yaml", tmp_path / "run", tmp_path / "twin.tflite"
    experiment.write_text(EXPERIMENT)
    answer = nas("run", experiment, "--out", folder)
    assert answer["trained"] == 2
    assert "stage twin" in answer["winner"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["family"][1]["test_accuracy"] is not None
    flax, float32, int8 = metrics["export"]["rows"]
    assert float32["largest_difference"] < 1e-4
    assert int8["agreement"] > 0.9
    assert flax["accuracy"] == metrics["test_accuracy"]

    twin = nas("cost", folder)["layers"][0]
    channels = int(re.search(r"stage twin.* c(\d+)", answer["winner"])[1])
    assert twin["macs"] == 4 * 4 * channels * (9 + 25)
    assert twin["params"] == channels * (9 + 25 + 4)  # kernels, and scale and bias of two batch norms

    nas("export", folder, "--format", "int8", "--out", file)
    assert nas("check", file)["edgetpu"]


def test_experiment_of_the_readme_is_valid(tmp_path):
    (text,) = re.findall(r"in braces:\n\n(.*?)\n\n`k` is", README, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(re.sub(r"^    ", "", text, flags=re.MULTILINE))
    experiment = load_experiment(tmp_path / "mine.yaml")
    assert experiment.search_space().size > 1000


def test_errors_of_the_estimates_are_those_of_the_device_files():
    found = re.search(
        r"median error was (\d+) % over USB 3 and (\d+) % .*?worst (\d+) % and (\d+) %", README, re.DOTALL
    )
    usb, pcie = (load_device(name).known_error for name in ("edgetpu-usb", "edgetpu-pcie"))
    assert [int(number) for number in found.groups()] == [
        round(100 * share) for share in (usb.median, pcie.median, usb.worst, pcie.worst)
    ]
