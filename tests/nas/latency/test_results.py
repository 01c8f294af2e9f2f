"""The table of published against estimated milliseconds is the one that the device files give."""

import csv
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from nas.latency import load_device
from nas.ops import Trace

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT.parent / "shared" / "reference"
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("latency")


@pytest.fixture
def traces(script: ModuleType) -> dict[str, Trace]:
    found: dict[str, Trace] = script.TRACES
    return found


def rows() -> list[dict[str, str]]:
    with (RESULTS / "latency_edgetpu.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_estimates_in_the_table_come_from_the_device_files(traces: dict[str, Trace]) -> None:
    for row in rows():
        milliseconds = load_device(row["device"]).latency(traces[row["network"]]).ms
        assert milliseconds == pytest.approx(float(row["estimate_ms"]), rel=1e-3)
    assert len(rows()) >= 20


def test_fitted_networks_are_estimated_within_a_fifth() -> None:
    for row in rows():
        if row["fitted"] == "yes":
            assert float(row["estimate_ms"]) == pytest.approx(float(row["published_ms"]), rel=0.2)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published measurements are not here")
def test_the_benchmark_writes_the_committed_table(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--reference", str(REFERENCE), "--out", str(tmp_path), "--only", "edgetpu"]) == 0

    with (tmp_path / "latency_edgetpu.csv").open(newline="") as file:
        fresh = list(csv.DictReader(file))
    for new, old in zip(fresh, rows(), strict=True):
        assert (new["device"], new["network"]) == (old["device"], old["network"])
        assert float(new["estimate_ms"]) == pytest.approx(float(old["estimate_ms"]), rel=2e-3)
        assert float(new["left_out_ms"]) == pytest.approx(float(old["left_out_ms"]), rel=1e-2)
    assert "an Edge TPU" in (tmp_path / "latency_edgetpu.md").read_text()


def test_the_benchmark_without_reference_skips(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert script.main(["--reference", str(tmp_path), "--out", str(out)]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("skipped: ")
    assert printed.count("\n") == 1
    assert not out.exists()
