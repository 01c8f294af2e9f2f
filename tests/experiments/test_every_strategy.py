"""Every strategy by its name in an experiment, through the search that a run begins with."""

from importlib.util import find_spec

import pytest

from experiments.context import Context
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from experiments.stages.search import run_search
from nas.search.samplers import sampler_names

NAMES = [name for name in sampler_names() if name != "gp" or find_spec("torch")]


@pytest.mark.parametrize("name", NAMES)
def test_a_search_has_a_winner_within_the_limit(tiny_yaml, tmp_path, name):
    overrides = (f"search.sampler={name}", "search.trained=2")
    experiment = load_experiment(tiny_yaml, overrides)
    with RunFolder.claim(tmp_path / "run", experiment) as folder, RunProgress(1) as progress:
        winner = run_search(Context.load(experiment, folder, progress))
    assert winner.outcome == "trained"
    assert winner.facts.latency_ms["edgetpu-usb"] <= 0.4
    assert (tmp_path / "run" / "winner.yaml").exists()
