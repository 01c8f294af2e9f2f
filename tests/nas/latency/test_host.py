"""This machine as a device: a number with its spread, or a refusal."""

from dataclasses import replace
from pathlib import Path

import pytest

from nas.errors import InputError
from nas.latency import MeasurementFailed, MeasuringDevice, find_device, load_device
from nas.latency.host import REFERENCE, HostDevice
from nas.latency.measuring import relative_spread

HEAD = "format: 1\nname: quick\nkind: host\ntitle: Quick\nevidence: measured\n"
# A machine that runs tests does other things besides: nothing is refused for that here.
HOST = HostDevice("host", "This machine", seconds=0.05, largest_spread=1e6, largest_drift=1e6)


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"xnnpack": False}])
def test_measure_tells_the_median_and_its_spread(options: dict[str, bool]) -> None:
    measured = replace(HOST, **options).measure(REFERENCE)
    assert 0 < measured.ms < 1000
    assert measured.spread >= 0
    assert measured.runs >= 30


def test_measure_refuses_runs_that_spread() -> None:
    with pytest.raises(MeasurementFailed, match=r"the middle half of the runs spreads by .* in each of 2 attempts"):
        replace(HOST, largest_spread=1e-9, attempts=2).measure(REFERENCE)


def test_measure_refuses_while_the_reference_drifts() -> None:
    with pytest.raises(MeasurementFailed, match=r"the reference network drifts by .*; expected a machine with nothing"):
        replace(HOST, largest_drift=1e-9, attempts=1).measure(REFERENCE)


def test_measure_of_a_damaged_file(tmp_path: Path) -> None:
    damaged = tmp_path / "half.tflite"
    damaged.write_bytes(REFERENCE.read_bytes()[:4000])
    with pytest.raises(MeasurementFailed, match=r"half\.tflite: is damaged or cut short"):
        HOST.measure(damaged)


def test_relative_spread() -> None:
    assert relative_spread([3.0]) == 0
    assert relative_spread([1.0, 1.0, 1.0]) == 0
    assert relative_spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)


def test_find_device_host_has_no_error_of_its_own() -> None:
    host = find_device("host")
    assert isinstance(host, MeasuringDevice)
    assert (host.kind, host.evidence, host.precision, host.parallel) == ("host", "measured", "int8", 1)


def test_load_device_refuses_what_measures() -> None:
    with pytest.raises(InputError, match=r"device host: measures files \(host\); expected one that predicts"):
        load_device("host")


def test_find_device_reads_options_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "quick.yaml"
    file.write_text(f"{HEAD}threads: 2\nxnnpack: false\nseconds: 0.1\n")
    device = find_device(file)
    assert device == HostDevice("quick", "Quick", threads=2, xnnpack=False, seconds=0.1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("threads: 0", "threads: found 0; expected an integer from 1 to 256"),
        ("precision: int4", 'precision: found "int4"; expected "float32" or "int8"'),
        ("xnnpack: maybe", 'xnnpack: found "maybe"; expected true or false'),
        ("seconds: -1", "seconds: found -1; expected a number above 0"),
        ("speed: 1", "unknown key 'speed'"),
        ("3: 1", "unknown key '3'"),
        ("threads: [", "quick.yaml: is not YAML"),
    ],
)
def test_find_device_refuses_options_that_cannot_be(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "quick.yaml"
    file.write_text(f"{HEAD}{line}\n")
    with pytest.raises(InputError) as caught:
        find_device(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
