"""Limits as they are spelled: a device each, or the slowest of several."""

import pytest

from experiments.limits import by_device, devices_in
from nas.errors import InputError


def test_by_device_keeps_the_order_and_the_lowest_limit() -> None:
    assert by_device({"one": 2.0, "max(two, one)": 1.0, "three": 4.0}) == {"one": 1.0, "two": 1.0, "three": 4.0}


def test_devices_in_a_single_one_and_several() -> None:
    assert devices_in("devices/a,b.json") == ("devices/a,b.json",)
    assert devices_in("max(one,  two)") == ("one", "two")


def test_devices_in_half_of_a_key() -> None:
    with pytest.raises(InputError, match=r"found 'max\(one'; expected max\(...\) whole, within { } in quotes"):
        devices_in("max(one")


@pytest.mark.parametrize("key", ["max()", "max(one,)"])
def test_devices_in_nothing(key: str) -> None:
    with pytest.raises(InputError, match=r"expected devices with commas between them, as in max\(edgetpu-usb, host\)"):
        devices_in(key)
