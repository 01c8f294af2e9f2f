"""Fits a device's constants to published latencies, and measures how far off it is where it did not look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from latency_reference import Published
from published_networks import NETWORKS
from scipy.optimize import least_squares
from scipy.stats import kendalltau, spearmanr

from nas.latency.edgetpu import EdgeTPU
from nas.ops import Trace

TRACES: dict[str, Trace] = {name: build() for name, build in NETWORKS.items()}

# What is fitted on each attachment's own rows. USB 2.0 has two networks, enough for its bus alone.
FITTED = {
    "edgetpu-usb": ("bus_ms_per_mib", "conv_stretch", "depthwise_cycles_per_row"),
    "edgetpu-pcie": ("bus_ms_per_mib", "conv_stretch", "depthwise_cycles_per_row"),
    "edgetpu-usb2": ("bus_ms_per_mib",),
}

Predict = Callable[[Sequence[Published]], Callable[[str], float]]


@dataclass(frozen=True)
class Score:
    """Errors are shares of the published milliseconds."""

    networks: int
    median: float
    worst: float
    within_10: float
    within_20: float
    spearman: float
    kendall: float


def fit(device: EdgeTPU, seen: Sequence[Published]) -> EdgeTPU:
    """The device with its fitted constants set from `seen`: least squares of relative errors, none below 0.

    Every network counts the same, however many rows it has.
    """
    names = FITTED[device.name]
    start = [getattr(device.constants, name) for name in names]

    def with_values(values: Sequence[float]) -> EdgeTPU:
        changes = {name: float(value) for name, value in zip(names, values, strict=True)}
        return replace(device, constants=replace(device.constants, **changes), _costs={})

    def errors(values: Sequence[float]) -> list[float]:
        trial = with_values(values)
        return [(trial.latency(TRACES[p.network]).ms / ms - 1) / len(p.rows) ** 0.5 for p in seen for ms in p.rows]

    return with_values(least_squares(errors, start, bounds=(0, np.inf), x_scale=start).x)


def model(device: EdgeTPU) -> Predict:
    """The analytical model as a way to predict from `seen` networks."""

    def predict(seen: Sequence[Published]) -> Callable[[str], float]:
        fitted = fit(device, seen)
        return lambda network: fitted.latency(TRACES[network]).ms

    return predict


def baseline(feature: Callable[[Trace], int]) -> Predict:
    """A straight line, constant + slope x feature, under the same least squares."""

    def predict(seen: Sequence[Published]) -> Callable[[str], float]:
        x = np.array([feature(TRACES[p.network]) for p in seen], float) / 1e6
        y = np.array([p.ms for p in seen])

        def errors(line: np.ndarray) -> np.ndarray:
            return np.asarray((line[0] + line[1] * x) / y - 1)

        line = least_squares(errors, [1.0, 1.0], bounds=(0, np.inf)).x
        return lambda network: float(line[0] + line[1] * feature(TRACES[network]) / 1e6)

    return predict


def leave_one_out(predict: Predict, networks: Sequence[Published]) -> list[float]:
    """Milliseconds of every network, each predicted without its own rows."""
    return [predict([p for p in networks if p is not left])(left.network) for left in networks]


def score(estimates: Sequence[float], true: Sequence[float]) -> Score:
    """How well `estimates` meet `true`; ranks are NaN below three networks."""
    errors = np.abs(np.array(estimates) / np.array(true) - 1)
    ranked = len(true) >= 3
    return Score(
        len(true),
        float(np.median(errors)),
        float(errors.max()),
        float((errors <= 0.1).mean()),
        float((errors <= 0.2).mean()),
        float(spearmanr(estimates, true).statistic) if ranked else float("nan"),
        float(kendalltau(estimates, true).statistic) if ranked else float("nan"),
    )


def fit_instructions(sizes: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """(bytes of any model, bytes of every op) from (ops, instruction bytes): least squares of relative errors."""
    ops, sent = np.array(sizes, float).T

    def errors(line: np.ndarray) -> np.ndarray:
        return np.asarray((line[0] + line[1] * ops) / sent - 1)

    base, per_op = least_squares(errors, [4000.0, 1500.0], bounds=(0, np.inf), x_scale=[1e3, 1e3]).x
    return float(base), float(per_op)
