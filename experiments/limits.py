"""Limits as an experiment spells them: of a device, of the slowest of several, or of a quantity.

A device is its name or file, several are max(one, other), a quantity is one of
`nas.search.quantities.QUANTITIES`.
"""

import re
from collections.abc import Mapping

from nas.errors import InputError
from nas.search.quantities import QUANTITIES

_SLOWEST = re.compile(r"max\((.*)\)")


def devices_in(key: str) -> tuple[str, ...]:
    """The names and files of the devices that a limit's key is about; raises `InputError` for an empty one.

    >>> devices_in("max(edgetpu-usb, devices/phone.json)")
    ('edgetpu-usb', 'devices/phone.json')
    """
    if key in QUANTITIES:
        return ()
    match = _SLOWEST.fullmatch(key.strip())
    if match is None and key.startswith("max("):  # YAML takes the comma for the end of a key
        raise InputError(f"found '{key}'; expected max(...) whole, within {{ }} in quotes: {{'max(one, other)': 0.4}}")
    if match is None:
        return (key,)
    devices = tuple(device.strip() for device in match[1].split(","))
    if not all(devices):
        raise InputError(f"found '{key}'; expected devices with commas between them, as in max(edgetpu-usb, host)")
    return devices


def by_device(limits: Mapping[str, float]) -> dict[str, float]:
    """Each device's own limit: the slowest of several is within one where each of them is."""
    own: dict[str, float] = {}
    for key, milliseconds in limits.items():
        for device in devices_in(key):
            own[device] = min(milliseconds, own.get(device, milliseconds))
    return own


def of_quantities(limits: Mapping[str, float]) -> dict[str, float]:
    """The limits that are of no device."""
    return {key: most for key, most in limits.items() if key in QUANTITIES}
