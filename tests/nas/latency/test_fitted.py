"""Devices fitted to measurements; here the Edge TPU's model stands for the device that was measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import OutOfReach, load_device
from nas.latency.fit import score
from nas.latency.fitted import FittedDevice, fit_device, read_fitted
from nas.latency.place import Place
from nas.ops import Trace
from nas.trace import trace
from search_spaces import SearchSpace
from search_spaces.cover import covering

SPACE = SearchSpace.parse("""input 16x16x1
stem  conv k3 s1 c{8,16} act=relu6
stage {mbconv,conv} k{3,5} s2 e2 c{16,32} x{1,2} act=relu6
stage {mbconv,conv} k3 s2 e{2,4} c{32,64} act=relu6
head  pool
head  dense c10
""")
HEAD = {"format": 1, "name": "learned", "kind": "fitted", "title": "learned", "evidence": "fitted"}
PLACE = Place("device file mine.json:")
CURVE = {"width": 1, "centre": [0, 0], "scale": [1, 0], "points": [[0]]}  # for two columns


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    return [trace(architecture) for architecture in covering(SPACE, 80)]


@pytest.fixture(scope="module")
def device(traces: list[Trace]) -> FittedDevice:
    usb = load_device("edgetpu-usb")
    told: list[tuple[int, int]] = []
    milliseconds = [usb.latency(one).ms for one in traces[:50]]
    fitted = fit_device("learned", "learned", traces[:50], milliseconds, progress=lambda *done: told.append(done))
    assert told == [(done, 6) for done in range(1, 7)]
    return fitted


@pytest.fixture
def content(device: FittedDevice) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps({**HEAD, **device.content()}))
    return found


def network(*lines: str, size: int = 16) -> Trace:
    return trace(Architecture.parse("\n".join([f"input {size}x{size}x1", *lines, "head pool", "head dense c10"])))


def test_networks_not_seen_are_predicted(device: FittedDevice, traces: list[Trace]) -> None:
    true = np.array([load_device("edgetpu-usb").latency(one).ms for one in traces[50:]])
    predicted = np.array([device.latency(one).ms for one in traces[50:]])

    reached = score(predicted, true)

    assert reached.worst < 0.03
    assert reached.spearman > 0.97
    assert device.known_error.networks == 50
    assert 0 < device.known_error.median <= device.known_error.worst < 0.05


def test_latency_is_made_of_layers_and_overhead(device: FittedDevice, traces: list[Trace]) -> None:
    latency = device.latency(traces[0])

    assert latency.ms == pytest.approx(sum(latency.parts.values()))
    assert latency.parts["compute"] == pytest.approx(sum(layer.ms for layer in latency.layers))
    assert [layer.name for layer in latency.layers] == [layer.name for layer in traces[0].layers]
    assert all(layer.ms >= 0 for layer in latency.layers)
    assert latency.evidence == device.evidence == "fitted"
    assert latency.beyond == ""
    assert latency.margin == device.report["nine_in_ten"]


def test_content_reads_back(device: FittedDevice, content: dict[str, Any], traces: list[Trace]) -> None:
    again = read_fitted(content, PLACE)

    assert again.content() == device.content()
    assert [again.latency(one).ms for one in traces] == pytest.approx([device.latency(one).ms for one in traces], 1e-4)


def test_a_device_file_of_it_is_a_device(content: dict[str, Any], traces: list[Trace], tmp_path: Path) -> None:
    (tmp_path / "learned.json").write_text(json.dumps(content))

    device = load_device(tmp_path / "learned.json")

    assert (device.name, device.kind, device.evidence) == ("learned", "fitted", "fitted")
    assert device.latency(traces[0]).ms > 0


def test_content_with_a_correction_reads_back(traces: list[Trace]) -> None:
    usb, generator = load_device("edgetpu-usb"), np.random.default_rng(0)
    base = np.array([usb.latency(one).ms for one in traces])
    bent = base * (1 + 0.5 * np.sin(60 * base)) * generator.normal(1, 0.001, len(base))
    device = fit_device("bent", "bent", traces, bent.tolist())
    assert device.predictor.correction is not None

    again = read_fitted(json.loads(json.dumps({**HEAD, **device.content()})), PLACE)

    assert [again.latency(one).ms for one in traces] == pytest.approx([device.latency(one).ms for one in traces], 1e-3)


def test_an_op_that_was_not_measured_is_refused(device: FittedDevice) -> None:
    with pytest.raises(InputError) as caught:
        device.latency(network("stem conv k3 c8 act=relu6", "stage mbconv k7 c16"))

    assert str(caught.value).startswith(
        "device learned: stage1.block1 (mbconv) has the op depthwise_conv 7x7, which none of the measured networks "
        "had; expected add, average_pool whole, "
    )


def test_how_far_out_of_reach_a_network_is_counts_the_layers_that_are_unknown(device: FittedDevice) -> None:
    lines = ("stem conv k3 c8 act=relu6", "stage mbconv k7 c16", "stage conv k3 c16", "stage mbconv k7 c16")
    found = []
    for known in (lines, lines[:3], ("stem conv k3 c16", "stage conv k3 s2 c1024")):
        with pytest.raises(OutOfReach) as caught:
            device.latency(network(*known))
        found.append(caught.value.by)

    assert found[:2] == [2, 1]
    assert 0 < found[2] < 1


def test_a_little_beyond_is_said_and_widens_the_margin(device: FittedDevice) -> None:
    latency = device.latency(network("stem conv k3 c8", "stage conv k3 s2 c16", "stage conv k3 s2 c96"))

    assert latency.beyond.startswith("stage2.block1 (conv): conv 3x3 s2 with 96 channels out; measured were 16 to 64")
    assert latency.margin == pytest.approx(1.5 * device.report["nine_in_ten"])


def test_far_beyond_is_refused(device: FittedDevice) -> None:
    with pytest.raises(InputError, match=r"^device learned: the network is too far from those it was fitted on: stem1"):
        device.latency(network("stem conv k3 c16", "stage conv k3 s2 c16", "stage conv k3 s2 c32", size=96))


@pytest.mark.parametrize(
    ("milliseconds", "says"),
    [
        ([1.0] * 9, "device x: found 9 measurements; expected at least 10"),
        ([1.0] * 11 + [0.0], "device x: found a measurement of 0.0 ms; expected a number above 0"),
        ([1.0] * 11 + [float("nan")], "device x: found a measurement of nan ms; expected a number above 0"),
        ([1.0] * 11 + [float("inf")], "device x: found a measurement of inf ms; expected a number above 0"),
    ],
)
def test_measurements_that_cannot_be_are_refused(traces: list[Trace], milliseconds: list[float], says: str) -> None:
    with pytest.raises(InputError) as caught:
        fit_device("x", "x", traces[: len(milliseconds)], milliseconds)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("constant_ms", -1, "constant_ms: found -1; expected a number, 0 or more"),
        ("ms_per_unit", {}, "ms_per_unit: found {}; expected an object with milliseconds per unit"),
        ("ms_per_unit", {"conv": 1}, 'ms_per_unit: found "conv"; expected a kind of op and a quantity'),
        ("ms_per_unit", {"conv 3x3: macs": "1"}, 'ms_per_unit.conv 3x3: macs: found "1"; expected a number'),
        ("ms_per_unit", {"blorp: macs": 1}, "ms_per_unit: unknown op 'blorp'. Known: add, "),
        ("ms_per_unit", {"add: joules": 1}, "ms_per_unit: unknown quantity 'joules'. Known: macs, "),
        ("correction", {"width": 1}, "correction: has no centre, scale, heights, points"),
        ("correction", {"width": 1, "off_by": []}, "correction: has no centre, scale, points"),
        ("correction", {**CURVE, "off_by": [-1]}, "correction.off_by: found [-1]; expected a list of shares above -1"),
        ("correction", {**CURVE, "off_by": [0, 1]}, "correction.off_by: found [0, 1]; expected a list of 1 numbers"),
        ("correction", {**CURVE, "off_by": [0], "heights": [0]}, "correction: unknown key 'heights'"),
        ("correction", 3, "correction: found 3; expected an object with width"),
        ("seen", [], "seen: found []; expected an object with the extremes of each kind of op"),
        ("seen", {"conv 3x3": [1, 2]}, "seen.conv 3x3: found [1, 2]; expected a list of 6 numbers"),
        ("milliseconds_seen", [0, 1], "milliseconds_seen: found 0; expected a number above 0"),
        ("report", {}, "report: found {}; expected an object with nine_in_ten"),
        ("known_error", {"median": 1}, "known_error: has no worst, networks, method"),
        ("weights", 1, "unknown key 'weights'"),
    ],
)
def test_a_file_that_cannot_be_used(content: dict[str, Any], key: str, value: object, says: str) -> None:
    content[key] = value
    if key == "correction":
        content["ms_per_unit"] = {"conv 3x3: macs": 1, "add: ops": 1}

    with pytest.raises(InputError) as caught:
        read_fitted(content, PLACE)

    assert says in str(caught.value)
    assert str(caught.value).startswith("device file mine.json")
    assert "\n" not in str(caught.value)
