"""A device known by measurements of some networks, which tells of others like them.

What is beyond those it does not pass over: an op of a kind that none of them had is refused, and so
is what is many times larger or smaller than anything measured; a little beyond is said, with the
margin widened.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from nas.errors import InputError, one_line, unknown
from nas.latency.corrections import Array
from nas.latency.features import DIMENSIONS, IDLE, QUANTITIES, UNREAD, BlockFacts, Extremes, facts, widened
from nas.latency.latency import Evidence, KnownError, Latency, LayerLatency, OutOfReach, Why
from nas.latency.place import HEAD, REMARKS, Place
from nas.latency.predictor import (
    PREDICTOR_KEYS,
    Column,
    Predictor,
    matrix,
    predictor_content,
    read_predictor,
)
from nas.ops import BlockTrace, LayerTrace, Trace

LEAST_MEASUREMENTS = 10
TOLERATED = 1.25  # times the largest measured, or a fraction of the smallest, without a word
REFUSED = 4.0  # times that, and no number is given
REMEMBERED = 65536  # distinct blocks
METHOD = "cross-validation over the networks that were measured"

_KEYS = (*PREDICTOR_KEYS, "seen", "milliseconds_seen", "report", "known_error")
_ERROR_KEYS = ("median", "worst", "networks", "method")


class _Block(NamedTuple):
    """What is kept of a distinct block: features (D,), the line's milliseconds, and how far beyond it is."""

    features: Array
    ms: float
    why: Why
    beyond: float
    said: str


@dataclass(frozen=True, eq=False)
class FittedDevice:
    """Predicts from measurements of one device.

    `seen` holds the extremes of every kind of op that was measured, and `milliseconds_seen` the
    least and the most that the predictor's line gives the networks measured.
    """

    name: str
    title: str
    predictor: Predictor
    known_error: KnownError
    report: dict[str, float]
    seen: dict[str, Extremes]
    milliseconds_seen: tuple[float, float]
    kind: Literal["fitted"] = "fitted"
    evidence: Evidence = "fitted"
    _blocks: dict[BlockTrace, _Block] = field(default_factory=dict, repr=False)

    def latency(self, trace: Trace) -> Latency:
        """Predicted milliseconds of one picture (batch 1), looked up by distinct block.

        Raises `InputError` for a network too far from those measured.
        """
        blocks = self._known(trace)
        factor = self.predictor.factor(np.sum([block.features for block in blocks], 0))
        layers = tuple(
            LayerLatency(layer.name, block.ms * factor, block.why)
            for layer, block in zip(trace.layers, blocks, strict=True)
        )
        compute = sum(block.ms for block in blocks)
        beyond, said = self._beyond(trace, blocks, compute + self.predictor.constant)
        parts = {"compute": compute * factor, "overhead": self.predictor.constant * factor}
        margin = self.report["nine_in_ten"] * beyond
        return Latency(sum(parts.values()), parts, layers, self.evidence, said, margin)

    def _known(self, trace: Trace) -> list[_Block]:
        """The network's blocks; raises `OutOfReach` of the first that is unknown, by as many as are."""
        blocks, unknown = [], []
        for layer in trace.layers:
            try:
                blocks.append(self._block(layer))
            except OutOfReach as error:
                unknown.append(error)
        if unknown:
            raise OutOfReach(str(unknown[0]), len(unknown)) from unknown[0]
        return blocks

    def _block(self, layer: LayerTrace) -> _Block:
        found = self._blocks.get(layer.block)
        if found is None:
            if len(self._blocks) >= REMEMBERED:
                self._blocks.clear()
            found = self._blocks[layer.block] = self._looked_at(layer)
        return found

    def _looked_at(self, layer: LayerTrace) -> _Block:
        block = facts(layer.block)
        self._refuse_unknown(layer, block)
        features = matrix([block.sums], self.predictor.columns)[0]
        excesses = [
            _excess(name, extremes, self.seen[name]) for name, extremes in block.extremes.items() if name in self.seen
        ]
        beyond, said = max(excesses, default=(1.0, ""))
        why: Why = "compute" if layer.block.macs else "memory"
        return _Block(features, float(features @ self.predictor.weights), why, beyond, said)

    def _refuse_unknown(self, layer: LayerTrace, block: BlockFacts) -> None:
        for name in block.extremes:
            if name not in self.seen and not name.startswith((IDLE, UNREAD)):
                known = sorted(kind for kind in self.seen if not kind.startswith((IDLE, UNREAD)))
                raise OutOfReach(
                    f"device {self.name}: {layer.name} ({layer.kind}) has the op {name}, which none of the measured "
                    f"networks had; expected {', '.join(known)}, or a calibration with it"
                )

    def _beyond(self, trace: Trace, blocks: Sequence[_Block], line_ms: float) -> tuple[float, str]:
        """How many times beyond what was measured the network is, 1 where it is not, and in what."""
        farthest = max(range(len(blocks)), key=lambda index: blocks[index].beyond)
        beyond, said = blocks[farthest].beyond, blocks[farthest].said
        least, most = self.milliseconds_seen
        in_ms = max(line_ms / most, least / line_ms)
        if in_ms > max(beyond, TOLERATED):
            beyond, said = in_ms, f"all in all {line_ms:.3g} ms; measured were networks of {least:.3g} to {most:.3g} ms"
        elif said:
            said = f"{trace.layers[farthest].name} ({trace.layers[farthest].kind}): {said}"
        if beyond > REFUSED:
            raise OutOfReach(
                f"device {self.name}: the network is too far from those it was fitted on: {said}; expected at most "
                f"{REFUSED:g} times that, or a calibration with such networks",
                1 - 1 / beyond,
            )
        return beyond, said

    def content(self) -> dict[str, Any]:
        """What a device file says beside its head: numbers and words alone."""
        return {
            "known_error": vars(self.known_error),
            "report": self.report,
            "milliseconds_seen": [float(f"{ms:.6g}") for ms in self.milliseconds_seen],
            "seen": {kind: list(extremes) for kind, extremes in self.seen.items()},
            **predictor_content(self.predictor),
        }


def _excess(kind: str, found: Extremes, seen: Extremes) -> tuple[float, str]:
    """How many times ops of a kind are beyond those measured, 1 where they are not, and in what."""
    worst, said = 1.0, ""
    half = len(DIMENSIONS)
    for index, dimension in enumerate(DIMENSIONS):
        least, most = seen[index], seen[half + index]
        for value, times in ((found[half + index], found[half + index] / most), (found[index], least / found[index])):
            if times > max(worst, TOLERATED):
                worst, said = times, f"{kind} with {value:g} {dimension}; measured were {least:g} to {most:g}"
    return worst, said


def fit_device(
    name: str,
    title: str,
    traces: Sequence[Trace],
    milliseconds: Sequence[float],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> FittedDevice:
    """Fits a device to measured milliseconds of networks, and judges it on those left out in turn.

    `progress` is told steps done, and of how many. Raises `InputError` for too few measurements and
    for milliseconds that cannot be.
    """
    from nas.latency.fit import fit  # brings in scikit-learn

    _check(name, traces, milliseconds)
    known = {block: facts(block) for block in {layer.block: None for trace in traces for layer in trace.layers}}
    sums = [_total([known[layer.block] for layer in trace.layers]) for trace in traces]
    columns = sorted({column for one in sums for column in one})
    features = matrix(sums, columns)
    predictor, report = fit(columns, features, np.array(milliseconds, float), seed, progress)
    seen: dict[str, Extremes] = {}
    for block in known.values():
        for kind, extremes in block.extremes.items():
            seen[kind] = widened(seen.get(kind), extremes)
    line = predictor.constant + features @ predictor.weights
    known_error = KnownError(report.median, report.worst, report.networks, METHOD)
    span = float(line.min()), float(line.max())
    return FittedDevice(name, title, predictor, known_error, report.content(), seen, span)


def _total(blocks: Sequence[BlockFacts]) -> dict[Column, float]:
    total: dict[Column, float] = {}
    for block in blocks:
        for column, amount in block.sums.items():
            total[column] = total.get(column, 0.0) + amount
    return total


def _check(name: str, traces: Sequence[Trace], milliseconds: Sequence[float]) -> None:
    if len(traces) != len(milliseconds):
        raise ValueError(f"{len(traces)} traces and {len(milliseconds)} milliseconds; expected as many")
    if len(traces) < LEAST_MEASUREMENTS:
        raise InputError(f"device {name}: found {len(traces)} measurements; expected at least {LEAST_MEASUREMENTS}")
    for ms in milliseconds:
        if not (math.isfinite(ms) and ms > 0):
            raise InputError(f"device {name}: found a measurement of {ms} ms; expected a number above 0")


def read_fitted(content: dict[str, Any], place: Place) -> FittedDevice:
    """The device of a device file; raises `InputError` for what is missing, unknown or no number."""
    place.check_keys(content, (*HEAD, *_KEYS), (*REMARKS, "fitted_on"))
    error, here = content["known_error"], place.at("known_error")
    here.check_keys(error, _ERROR_KEYS)
    numbers = {key: here.at(key).number(error[key]) for key in _ERROR_KEYS[:3]}
    known_error = KnownError(
        numbers["median"], numbers["worst"], int(numbers["networks"]), here.at("method").line(error["method"])
    )
    report, here = content["report"], place.at("report")
    if not isinstance(report, dict) or "nine_in_ten" not in report:
        raise here.wrong(report, "an object with nine_in_ten, and what else was found out")
    least, most = _positive(content["milliseconds_seen"], 2, place.at("milliseconds_seen"))
    seen, here = content["seen"], place.at("seen")
    if not isinstance(seen, dict) or not seen:
        raise here.wrong(seen, "an object with the extremes of each kind of op")
    predictor = read_predictor(content, place)
    extremes = {str(kind): _positive(values, 2 * len(DIMENSIONS), here.at(str(kind))) for kind, values in seen.items()}
    for kind, quantity in predictor.columns:
        _check_known(kind, "op", tuple(extremes), place)
        _check_known(quantity, "quantity", QUANTITIES, place)
    return FittedDevice(
        content["name"],
        content["title"],
        predictor,
        known_error,
        {str(key): _real(value, place.at("report").at(str(key))) for key, value in report.items()},
        extremes,
        (least, most),
    )


def _check_known(found: str, what: str, known: Sequence[str], place: Place) -> None:
    """What no network has would cost nothing without a word."""
    if found not in known:
        raise InputError(f"{place.at('ms_per_unit').path}: {unknown(what, one_line(found), known)}")


def _real(found: Any, place: Place) -> float:
    """`found` where it is a number, of either sign."""
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= 1e12:
        return float(found)
    raise place.wrong(found, "a number")


def _positive(found: Any, count: int, place: Place) -> tuple[float, ...]:
    """`found` where it is a list of `count` numbers above 0."""
    if not isinstance(found, list) or len(found) != count:
        raise place.wrong(found, f"a list of {count} numbers")
    return tuple(place.number(value, positive=True) for value in found)
