"""`nas cost` and `nas zoo`: what their answers hold, and how people see them."""

import json

import pytest

from experiments.cli import run
from search_spaces.zoo import zoo_names

LAYER = {
    "name", "kind", "in_shape", "out_shape", "params", "statistics", "macs", "memory", "latency_ms", "why"
}  # fmt: skip
BYTES = ["weights_bytes", "activations_bytes", "peak_bytes"]


@pytest.fixture
def nas(capsys):
    """Runs a command line in this process; gives standard output, read where it is JSON."""

    def answer(*arguments):
        capsys.readouterr()
        assert run(arguments) == 0
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in arguments else out

    return answer


def test_cost_adds_up_over_the_layers(nas):
    cost = nas("cost", "mobilenet-v1-0.25-128", "--json")
    assert all(set(layer) == LAYER for layer in cost["layers"])
    for key in ("params", "statistics", "macs"):
        assert sum(layer[key] for layer in cost["layers"]) == cost[key] > 0
    for numbers in ("float32", "int8"):
        assert list(cost["memory"][numbers]) == BYTES
        layers = [layer["memory"][numbers] for layer in cost["layers"]]
        for key in BYTES[:2]:
            assert sum(layer[key] for layer in layers) == cost["memory"][numbers][key]
        assert max(layer["peak_bytes"] for layer in layers) == cost["memory"][numbers]["peak_bytes"]


def test_cost_says_why_each_layer_takes_its_time_on_each_device(nas):
    cost = nas("cost", "mobilenet-v1-0.25-128", "--device", "edgetpu-usb", "--device", "edgetpu-pcie", "--json")
    devices = ["edgetpu-usb", "edgetpu-pcie"]
    assert all(list(layer["latency_ms"]) == list(layer["why"]) == devices for layer in cost["layers"])
    assert sum(layer["latency_ms"]["edgetpu-usb"] for layer in cost["layers"]) < cost["latency_ms"]["edgetpu-usb"]


def test_cost_shows_totals_and_layers_only_when_asked(nas):
    totals, layers = nas("cost", "mnist-conv"), nas("cost", "mnist-conv", "--layers")
    assert "1,199,882 parameters, 0 statistics, 0.01199 G MACs" in totals
    assert "int8: 1.145 MiB of weights" in totals
    assert "stage1.block1" not in totals
    assert layers.endswith(totals)
    assert "stage1.block1" in layers
    assert "edgetpu-usb ms" in layers


def test_cost_by_layers_fits_120_columns(nas):
    table = nas("cost", "efficientnet-b0", "--layers")
    assert max(map(len, table.splitlines())) <= 120


def test_cost_shows_layers_in_the_number_format_asked_for(nas):
    small, large = (nas("cost", "mnist-conv", "--layers", "--numbers", numbers) for numbers in ("int8", "float32"))
    assert "KiB as int8" in small
    assert "KiB as float32" in large
    first = [next(line for line in text.splitlines() if "stage1.block1" in line) for text in (small, large)]
    assert first[0] != first[1]


def test_zoo_lists_counts_beside_published_figures(nas):
    (model,) = nas("zoo", "efficientnet-b4", "--json")["models"]
    assert model == {
        "name": "efficientnet-b4",
        "resolution": 380,
        "params": 19_341_616,
        "statistics": 125_200,
        "macs": 4_393_771_024,
        "published_params": 19_341_616,
        "published_macs": 4_200_000_000,
        "params_difference": 0,
        "macs_difference": pytest.approx(0.0461, abs=1e-4),
        "source": "arXiv 1905.11946",
        "note": model["note"],
    }
    assert "4.394 billion" in model["note"]


def test_zoo_lists_every_network_and_explains_every_difference(nas):
    models = nas("zoo", "--json")["models"]
    assert [model["name"] for model in models] == list(zoo_names())
    for model in models:
        assert not model["params_difference"]
        assert abs(model["macs_difference"] or 0) <= 0.01 or model["note"], model["name"]


def test_zoo_shows_notes_once_below_the_table(nas):
    shown = nas("zoo", "mobilenet-v1-0.75")
    assert "-2.6%" not in shown
    assert "+2.6%" in shown
    (note,) = [line for line in shown.splitlines() if "leaves out the first convolution" in line]
    assert note.startswith("mobilenet-v1-0.75-128, mobilenet-v1-0.75-160, ")
