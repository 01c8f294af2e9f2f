"""The body of an Edge TPU's device file: constants, what they were fitted on, and how far off they are."""

from dataclasses import fields
from typing import Any

from nas.latency.edgetpu import Constants, EdgeTPU
from nas.latency.latency import KnownError
from nas.latency.place import HEAD, REMARKS, Place

POSITIVE = ("clock_mhz", "elements_per_tile_cycle", "parameter_memory_mib")  # the rest may be 0

_KEYS = ("constants", "fitted_on", "known_error")
_ERROR_KEYS = ("median", "worst", "networks", "method")


def read_edgetpu(name: str, title: str, content: dict[str, Any], place: Place) -> EdgeTPU:
    """The device; raises `InputError` for a constant that is missing, unknown, negative or not a number."""
    place.check_keys(content, _KEYS, beside=(*HEAD, *REMARKS))
    return EdgeTPU(
        name,
        title,
        _constants(content["constants"], place.at("constants")),
        read_known_error(content["known_error"], place.at("known_error")),
    )


def read_known_error(content: Any, place: Place) -> KnownError:
    """How wrong the device's numbers have been, as its file tells it."""
    place.check_keys(content, _ERROR_KEYS)
    return KnownError(
        place.at("median").number(content["median"]),
        place.at("worst").number(content["worst"]),
        int(place.at("networks").number(content["networks"], positive=True)),
        str(content["method"]),
    )


def _constants(content: Any, place: Place) -> Constants:
    names = tuple(item.name for item in fields(Constants))
    place.check_keys(content, names)
    values = {}
    for name in names:
        here = place.at(name)
        here.check_keys(content[name], ("value", "unit", "from"))
        values[name] = here.number(content[name]["value"], positive=name in POSITIVE)
    return Constants(**values)
