"""How many networks a second devices tell the latency of, once their blocks have been seen."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from latency_tables import table

from nas.architecture import Architecture
from nas.latency import Device, device_names, load_device
from nas.latency.corrections import Commonest
from nas.latency.fitted import FittedDevice, fit_device
from nas.latency.measuring import MeasuringDevice
from nas.ops import Trace
from nas.trace import trace
from search_spaces import load_space
from search_spaces.cover import covering

SPACE, NETWORKS, SAMPLES = "edge-tiny", 200, 150
POINTS = 900  # of a correction, as many as measurements that it was fitted to
SECONDS, TRIES = 0.3, 5

TEXT = """\
## Look-ups

Networks a second on one core after warm-up, for {networks} networks of the space `{space}`, the fastest
of {tries} tries of {seconds} s: the device alone, given a trace, and from the architecture on. The fitted device
learned the milliseconds that `edgetpu-usb` computes for {samples} networks; a correction by what is commonest
near {points} measured networks is the most that `nas calibrate` comes to with as many samples.

"""


def speed_section() -> str:
    """The Markdown of the rates."""
    networks = covering(load_space(SPACE), NETWORKS, seed=1)
    traces = [trace(architecture) for architecture in networks]
    lines = []
    for name, device in _devices():
        from_architecture = partial(_from_architecture, device)
        rates = [rate(device.latency, traces), rate(from_architecture, networks)]
        lines.append([name, *(f"{round(value, -2):,.0f}" for value in rates)])
    text = TEXT.format(networks=NETWORKS, space=SPACE, tries=TRIES, seconds=SECONDS, samples=SAMPLES, points=POINTS)
    return text + table(["device", "from the trace", "from the architecture"], lines)


def _from_architecture(device: Device, architecture: Architecture) -> object:
    return device.latency(trace(architecture))


def _devices() -> list[tuple[str, Device]]:
    analytical = [(name, load_device(name)) for name in device_names() if not _measures(name)]
    fitted = fitted_to("edgetpu-usb")
    return [*analytical, ("fitted, a line", fitted), (f"fitted, corrected by {POINTS}", corrected(fitted, POINTS))]


def _measures(name: str) -> bool:
    from nas.latency import find_device

    return isinstance(find_device(name), MeasuringDevice)


def fitted_to(name: str) -> FittedDevice:
    """A device fitted to what the device called `name` computes."""
    device = load_device(name)
    traces: list[Trace] = [trace(architecture) for architecture in covering(load_space(SPACE), SAMPLES)]
    return fit_device(f"{name}-fitted", "learned", traces, [device.latency(one).ms for one in traces])


def corrected(device: FittedDevice, points: int) -> FittedDevice:
    """The device corrected by what is commonest among that many networks."""
    generator = np.random.default_rng(0)
    columns = len(device.predictor.columns)
    ones, off_by = np.ones(columns), generator.normal(0, 0.05, points)
    commonest = Commonest(ones, ones, generator.normal(size=(points, columns)), 1.0, off_by)
    return replace(device, predictor=replace(device.predictor, correction=commonest), _blocks={})


def rate(call: Callable[..., object], inputs: Sequence[object]) -> float:
    """Calls a second, the fastest of `TRIES`, after one round over the inputs."""
    for one in inputs:
        call(one)
    fastest = 0.0
    for _ in range(TRIES):
        calls, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < SECONDS:
            for one in inputs:
                call(one)
            calls += len(inputs)
        fastest = max(fastest, calls / passed)
    return fastest
