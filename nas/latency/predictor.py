"""Milliseconds from sums over ops: plain numbers, as a device file holds them.

A straight line in which no work costs less than nothing carries the prediction, so that it
can be taken apart by layer and goes on sensibly where no measurement was. A correction by
what measured networks like this one were off by, as a share, comes on top; far from all of
them it fades out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.latency.place import LARGEST, Place

Array = NDArray[np.float64]
Column = tuple[str, str]  # kind of op, quantity

LEAST_FACTOR, MOST_FACTOR = 0.2, 5.0  # what a correction may make of the line's milliseconds
BETWEEN = ": "  # kind and quantity in a device file


@dataclass(frozen=True, eq=False)
class Correction:
    """A sum of bell curves around S measured networks, in those E of D features that vary.

    `centre` (D,) and `scale` (D,) take features to where they spread alike; a scale of 0 leaves one
    out. `points` (S, E) are the networks there, `heights` (S,) those of their curves, and `width`
    how far one reaches.
    """

    centre: Array
    scale: Array
    points: Array
    heights: Array
    width: float
    _squares: Array = field(init=False, repr=False)
    _used: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_squares", (self.points**2).sum(1))
        object.__setattr__(self, "_used", np.flatnonzero(self.scale))

    def __call__(self, features: Array) -> float:
        """The share to add to the line's milliseconds for features of (D,)."""
        z = ((features - self.centre) * self.scale)[self._used]
        distances = self._squares - 2 * (self.points @ z) + z @ z
        return float(self.heights @ np.exp(distances * (-0.5 / self.width**2)))


@dataclass(frozen=True, eq=False)
class Predictor:
    """`constant` milliseconds, `weights` (D,) for each unit of the `columns`, and a correction."""

    columns: tuple[Column, ...]
    constant: float
    weights: Array
    correction: Correction | None = None

    def factor(self, features: Array) -> float:
        """What the line's milliseconds are multiplied by for features of (D,)."""
        if self.correction is None:
            return 1.0
        return min(max(1.0 + self.correction(features), LEAST_FACTOR), MOST_FACTOR)

    def milliseconds(self, features: Array) -> Array:
        """(N,) for features of (N, D)."""
        line = self.constant + features @ self.weights
        return np.array([ms * self.factor(row) for ms, row in zip(line, features, strict=True)])


def matrix(sums: Sequence[Mapping[Column, float]], columns: Sequence[Column]) -> Array:
    """(N, D) features of N networks; what a network has none of is 0."""
    return np.array([[one.get(column, 0.0) for column in columns] for one in sums]).reshape(len(sums), len(columns))


def predictor_content(predictor: Predictor) -> dict[str, Any]:
    """What a device file says of a predictor."""
    names = [BETWEEN.join(column) for column in predictor.columns]
    c = predictor.correction
    return {
        "constant_ms": _short(predictor.constant),
        "ms_per_unit": dict(zip(names, map(_short, predictor.weights), strict=True)),
        "correction": c
        and {
            "width": _short(c.width),
            "centre": list(map(_short, c.centre)),
            "scale": list(map(_short, c.scale)),
            "heights": list(map(_short, c.heights)),
            "points": [list(map(_short, point)) for point in c.points],
        },
    }


PREDICTOR_KEYS = ("constant_ms", "ms_per_unit", "correction")
_CORRECTION_KEYS = ("width", "centre", "scale", "heights", "points")


def read_predictor(content: Mapping[str, Any], place: Place) -> Predictor:
    """The predictor that a device file holds; raises `InputError` for what is no number or of another size."""
    per_unit, here = content["ms_per_unit"], place.at("ms_per_unit")
    if not isinstance(per_unit, dict) or not per_unit:
        raise here.wrong(per_unit, "an object with milliseconds per unit of each kind of work")
    columns = []
    for name in per_unit:
        kind, between, quantity = str(name).rpartition(BETWEEN)
        if not between:
            raise here.wrong(name, f"a kind of op and a quantity, as in conv 3x3{BETWEEN}macs")
        columns.append((kind, quantity))
    weights = np.array([here.at(str(name)).number(value) for name, value in per_unit.items()])
    constant = place.at("constant_ms").number(content["constant_ms"])
    return Predictor(tuple(columns), constant, weights, _read_correction(content["correction"], len(columns), place))


def _read_correction(content: Any, columns: int, place: Place) -> Correction | None:
    if content is None:
        return None
    here = place.at("correction")
    here.check_keys(content, _CORRECTION_KEYS)
    centre, scale = (_numbers(content[key], columns, here.at(key)) for key in ("centre", "scale"))
    points, varying = content["points"], int(np.count_nonzero(scale))
    if not isinstance(points, list) or not points or not varying:
        raise here.at("points").wrong(points, "a list of the networks that were measured")
    return Correction(
        centre,
        scale,
        np.array([_numbers(point, varying, here.at("points").at(i)) for i, point in enumerate(points)]),
        _numbers(content["heights"], len(points), here.at("heights")),
        here.at("width").number(content["width"], positive=True),
    )


def _numbers(found: Any, count: int, place: Place) -> Array:
    """`found` where it is a list of `count` numbers."""
    if not isinstance(found, list) or len(found) != count:
        raise place.wrong(found, f"a list of {count} numbers")
    if all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= LARGEST for v in found):
        return np.array(found, float)
    raise InputError(f"{place.path.removesuffix(':')}: holds what is no number; expected {count} numbers")


def _short(value: float) -> float:
    """Six significant digits: more than a measurement carries."""
    return float(f"{value:.6g}")
