"""Milliseconds from sums over ops: plain numbers, as a device file holds them.

A straight line in which no work costs less than nothing carries the prediction, so that it
can be taken apart by layer and goes on sensibly where no measurement was. A correction by
what measured networks like this one were off by, as a share, comes on top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.errors import InputError
from nas.latency.corrections import Array, Commonest, Correction, Curves
from nas.latency.place import LARGEST, Place

Column = tuple[str, str]  # kind of op, quantity

LEAST_FACTOR, MOST_FACTOR = 0.2, 5.0  # what a correction may make of the line's milliseconds
BETWEEN = ": "  # kind and quantity in a device file


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
    return {
        "constant_ms": _short(predictor.constant),
        "ms_per_unit": dict(zip(names, map(_short, predictor.weights), strict=True)),
        "correction": predictor.correction and _correction_content(predictor.correction),
    }


def _correction_content(c: Correction) -> dict[str, Any]:
    values = {"heights": c.heights} if isinstance(c, Curves) else {"off_by": c.off_by}
    return {
        "width": _short(c.width),
        "centre": list(map(_short, c.centre)),
        "scale": list(map(_short, c.scale)),
        **{key: list(map(_short, found)) for key, found in values.items()},
        "points": [list(map(_short, point)) for point in c.points],
    }


PREDICTOR_KEYS = ("constant_ms", "ms_per_unit", "correction")
_FORMS: dict[str, type[Curves] | type[Commonest]] = {"heights": Curves, "off_by": Commonest}  # by the key of their own


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
    own = "off_by" if isinstance(content, dict) and "off_by" in content else "heights"
    here.check_keys(content, ("width", "centre", "scale", own, "points"))
    centre, scale = (_numbers(content[key], columns, here.at(key)) for key in ("centre", "scale"))
    points, varying = content["points"], int(np.count_nonzero(scale))
    if not isinstance(points, list) or not points or not varying:
        raise here.at("points").wrong(points, "a list of the networks that were measured")
    values = _numbers(content[own], len(points), here.at(own))
    if own == "off_by" and values.min() <= -1:
        raise here.at(own).wrong(content[own], "a list of shares above -1")
    return _FORMS[own](
        centre,
        scale,
        np.array([_numbers(point, varying, here.at("points").at(i)) for i, point in enumerate(points)]),
        here.at("width").number(content["width"], positive=True),
        values,
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
