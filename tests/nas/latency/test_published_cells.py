"""Predictors fitted to a few published cells of NAS-Bench-201, as in benchmarks/latency_fitted.py."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nas.latency.fit import Report
from nas.trace import trace
from search_spaces.nasbench201 import from_operations

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT.parent / "shared" / "reference"

reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published measurements are not here")


@pytest.fixture(scope="module", autouse=True)
def scripts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return import_module("latency_fitted")


@pytest.fixture(scope="module")
def published() -> ModuleType:
    return import_module("latency_cells")


def test_a_cell_in_a_later_stage_has_the_same_ops_in_other_sizes(published: ModuleType) -> None:
    operations = ["nor_conv_3x3", "none", "avg_pool_3x3", "skip_connect", "none", "nor_conv_1x1"]
    network = trace(from_operations(operations))
    cells = [layer.block for layer in network.layers if layer.kind == "nasbench201"]

    for stage in range(3):
        expected, found = cells[5 * stage], published.at_stage(cells[0], stage)
        assert (found.ops, found.idle) == (expected.ops, expected.idle)
        assert (found.in_shape, found.out_shape) == (expected.in_shape, expected.out_shape)


@reference
def test_the_predictor_beats_one_hot_edges(script: ModuleType, published: ModuleType) -> None:
    cells = published.read_cells(REFERENCE, limit=220, said=lambda _: None)

    def reached(predict: Any, device: str) -> Report:
        seen, left = cells.joined[:100], cells.joined[100:]
        ms = cells.milliseconds[device]
        report: Report = script.score(predict(seen, left, ms[seen], 0), ms[left])
        return report

    ours, theirs = (reached(method(cells), "raspi4_ms") for method in (script.predictor, script.ridge))
    assert ours.spearman > theirs.spearman
    assert ours.within_10 > theirs.within_10
    assert ours.spearman > 0.95
    assert reached(script.predictor(cells), "fpga_ms").within_10 > 0.97


def test_twins_compute_the_same(published: ModuleType) -> None:
    cells = np.array([[3, 0, 0, 1, 2, 4], [0, 3, 0, 1, 4, 2], [3, 0, 1, 1, 2, 4]])  # an edge joins the last one's nodes
    of_cells = [published._sums(from_operations([published.OPERATIONS[number] for number in row])) for row in cells]
    columns = tuple(sorted(of_cells[0]))

    first, second = published.twins(published.Cells(cells, columns, np.zeros((3, 0)), {}, np.arange(3)))

    assert (first.tolist(), second.tolist()) == ([0], [1])
    assert of_cells[0] == of_cells[1]
