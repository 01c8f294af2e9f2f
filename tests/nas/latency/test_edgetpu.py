"""The estimates behave as the chip does: more work costs more, and weights beyond its memory cost most."""

import math
import time
from dataclasses import replace

import pytest

from nas.architecture import Architecture
from nas.blocks.activations import ACTIVATIONS
from nas.deployable import block_reasons, deployable
from nas.latency import Device, Latency, device_names, load_device
from nas.latency.edgetpu import EdgeTPU
from nas.ops import BlockTrace, LayerTrace, Op, Trace
from nas.trace import trace, trace_block
from tests.nas.blocks.examples import EXAMPLES, block_of

SMALL = """input {size}x{size}x3
stem  conv k3 s2 c{stem} act=relu6
stage mbconv k{kernel} s1 e4 c{width} act={act}{se} x{repeats}
stage mbconv k3 s2 e4 c48 act=relu6
head  conv k1 c128 act=relu6
head  pool
head  dense c10
"""
ATTACHMENTS = [name for name in device_names() if name.startswith("edgetpu")]
BASE = {"size": 16, "stem": 16, "kernel": 3, "width": 24, "act": "relu6", "se": "", "repeats": 1}


def small(**changes: object) -> Trace:
    return trace(Architecture.parse(SMALL.format(**{**BASE, **changes})))


def pointwise(count: int, channels: int = 1024, activation: str = "relu") -> Trace:
    """`count` 1x1 convolutions on 7x7, each its own layer; 1024 channels take a little over 1 MiB."""
    shape = (7, 7, channels)
    op = Op(
        "conv",
        shape,
        shape,
        (0,),
        1,
        macs=49 * channels**2,
        weights=channels**2,
        biases=channels,
        activation=activation,
    )
    block = BlockTrace((op,), shape, shape, channels**2, 0)
    return Trace(tuple(LayerTrace(f"layer{index}", "conv", block) for index in range(count)))


@pytest.fixture(params=ATTACHMENTS)
def device(request: pytest.FixtureRequest) -> Device:
    return load_device(request.param)


@pytest.fixture
def usb() -> EdgeTPU:
    found = load_device("edgetpu-usb")
    assert isinstance(found, EdgeTPU)
    return found


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize(
    "change",
    [
        {"repeats": 2},
        {"width": 40},
        {"kernel": 5},
        {"se": " se0.25"},
        {"act": "swish"},
        {"stem": 40},
        {"size": 64},
    ],
    ids=str,
)
def test_latency_of_a_small_network_rises(device: Device, size: int, change: dict[str, object]) -> None:
    less = device.latency(small(size=size)).ms

    more = device.latency(small(**{"size": size, **change})).ms

    assert more > 1.001 * less


def test_latency_never_falls_with_more_channels(device: Device) -> None:
    milliseconds = [device.latency(pointwise(4, channels)).ms for channels in range(8, 400, 8)]

    assert milliseconds == sorted(milliseconds)


def test_latency_parts_and_layers_add_up(device: Device) -> None:
    for network in (small(se=" se0.25"), pointwise(12), small(act="hard-swish")):
        latency = device.latency(network)
        fixed = latency.parts["input_output"] + latency.parts["overhead"]

        assert set(latency.parts) == {
            "compute", "weights_streamed", "input_output", "instructions", "overhead", "host",
        }  # fmt: skip
        assert latency.ms == pytest.approx(math.fsum(latency.parts.values()))
        assert latency.ms == pytest.approx(fixed + math.fsum(layer.ms for layer in latency.layers))
        assert [layer.name for layer in latency.layers] == [layer.name for layer in network.layers]


def test_latency_is_called_an_estimate(device: Device) -> None:
    assert device.evidence == "estimate"
    assert "(estimate)" in device.title
    assert device.latency(small()).evidence == "estimate"


def test_weights_that_fit_are_not_streamed(usb: EdgeTPU) -> None:
    latency = usb.latency(pointwise(6))

    assert latency.parts["weights_streamed"] == 0
    assert usb.parameter_bytes(pointwise(6)) == (6 * (1024**2 + 8 * 1024), 0)
    assert {layer.why for layer in latency.layers} == {"compute"}


def test_weights_beyond_the_memory_are_streamed_layer_by_layer(usb: EdgeTPU) -> None:
    size = 1024**2 + 8 * 1024
    fits = next(count for count in range(1, 20) if usb.parameter_bytes(pointwise(count + 1))[1])

    latency = usb.latency(pointwise(fits + 2))

    assert 5 < fits < 8
    assert usb.parameter_bytes(pointwise(fits + 2)) == (fits * size, 2 * size)
    assert latency.parts["weights_streamed"] == pytest.approx(2 * size / 2**20 * usb.constants.bus_ms_per_mib)
    assert [layer.why for layer in latency.layers] == ["compute"] * fits + ["streaming"] * 2


def test_activations_take_room_from_weights(usb: EdgeTPU) -> None:
    picture = (224, 224, 3)
    wide = Op("conv", picture, (112, 112, 64), (0,), 1, (3, 3), stride=2, weights=1728)
    stem = LayerTrace("stem", "conv", BlockTrace((wide,), picture, (112, 112, 64), 1728, 0))

    kept_alone, _ = usb.parameter_bytes(pointwise(12))
    kept_beside, _ = usb.parameter_bytes(Trace((stem, *pointwise(12).layers)))

    assert kept_beside < kept_alone


def test_an_op_that_is_not_mapped_takes_the_rest_to_the_host(device: Device) -> None:
    network = small(act="hard-swish", repeats=2)

    latency = device.latency(network)

    assert latency.parts["host"] > 0
    assert device.latency(small(repeats=2)).parts["host"] == 0
    assert [layer.why for layer in latency.layers][2:] == ["host"] * (len(network.layers) - 2)


def test_weights_that_the_host_uses_are_on_the_chip_in_neither_packing(usb: EdgeTPU) -> None:
    network = small(act="hard-swish")  # from the expansion of the first mbconv on
    stem = Trace(network.layers[:1])
    expansion = Trace((replace(network.layers[1], block=replace(network.layers[1].block, ops=network.ops[1:2])),))

    for per_channel in (True, False):
        kept = [usb.parameter_bytes(part, per_channel)[0] for part in (network, stem, expansion)]

        assert kept[0] == kept[1] + kept[2]


def alone(kind: str, activation: str = "") -> Trace:
    shape = (8, 8, 16)
    op = Op(kind, shape, shape, (0,), 1, activation=activation)
    return Trace((LayerTrace("odd", kind, BlockTrace((op,), shape, shape, 0, 0)),))


@pytest.mark.parametrize("kind", ["sort", "reduce_sum", "unmapped"])
def test_an_unknown_op_runs_on_the_host(usb: EdgeTPU, kind: str) -> None:
    assert usb.latency(alone(kind)).layers[0].why == "host"


@pytest.mark.parametrize(
    ("kind", "activation", "count"),
    [
        ("slice", "", 1),
        ("transpose", "", 1),
        ("max", "", 1),
        ("min", "", 1),
        ("reshape", "", 0),
        ("activation", "none", 0),
        ("activation", "relu6", 1),
        ("activation", "swish", 2),
        ("activation", "hard-sigmoid", 2),
    ],
)
def test_an_op_on_the_chip_has_as_many_instructions_as_ops_in_the_file(
    usb: EdgeTPU, kind: str, activation: str, count: int
) -> None:
    c = usb.constants

    parts = usb.latency(alone(kind, activation)).parts

    assert parts["host"] == 0
    assert parts["instructions"] == pytest.approx(count * c.instruction_bytes_per_op * c.bus_ms_per_mib / 2**20)


def test_a_relu_is_on_the_chip_only_inside_another_op(usb: EdgeTPU) -> None:
    assert usb.latency(alone("add", "relu")).parts["host"] == 0
    assert usb.latency(alone("activation", "relu")).parts["host"] > 0


@pytest.mark.parametrize(("line", "in_shape"), [example[:2] for example in EXAMPLES])
def test_the_host_has_part_in_a_block_that_is_not_deployable(
    usb: EdgeTPU, line: str, in_shape: tuple[int, ...]
) -> None:
    block = trace_block(block_of(line), in_shape)

    assert (usb.latency(Trace((LayerTrace("one", line, block),))).parts["host"] > 0) == bool(block_reasons(block))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("block", ["mbconv k3 s1 e2 c16 se0.25", "norm"])
def test_the_host_has_part_in_a_network_that_is_not_deployable(usb: EdgeTPU, activation: str, block: str) -> None:
    network = Architecture.parse(
        f"input 16x16x3\nstem conv k3 s2 c16 act=relu6\nstage {block} act={activation}\nhead pool\nhead dense c10"
    )

    assert (usb.latency(trace(network)).parts["host"] > 0) == bool(deployable(network))


def test_attachments_differ() -> None:
    heavy: dict[str, Latency] = {name: load_device(name).latency(pointwise(20)) for name in ATTACHMENTS}
    light = {name: load_device(name).latency(small()).ms for name in ATTACHMENTS}

    streamed = {name: latency.parts["weights_streamed"] for name, latency in heavy.items()}
    assert streamed["edgetpu-usb"] < streamed["edgetpu-pcie"] < streamed["edgetpu-usb2"] / 5
    assert light["edgetpu-pcie"] < light["edgetpu-usb"] < light["edgetpu-usb2"]


def test_latency_is_looked_up_by_block(usb: EdgeTPU) -> None:
    networks = [small(repeats=repeats, width=width) for repeats in (1, 2, 3) for width in (24, 40)]
    for network in networks:
        usb.latency(network)
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        for network in networks * 100:
            usb.latency(network)
        rates.append(600 / (time.perf_counter() - started))

    assert max(rates) > 5000
