"""Milliseconds of a traced network on a device, and what they are made of.

>>> from nas.latency import device_names
>>> device_names()
('edgetpu-pcie', 'edgetpu-usb', 'edgetpu-usb2', 'host')

Every number of the first three devices is an estimate computed from op shapes. None was
measured by this project; each device says what its constants were fitted on and how far
off it has been on networks that the fit had not seen. `host` measures the network's file on
this machine. Files of one's own describe further devices, predicted or measured.
"""

from nas.latency.device import device_names, find_device, load_device
from nas.latency.latency import Device, KnownError, Latency, LayerLatency, OutOfReach
from nas.latency.measuring import Measurement, MeasurementFailed, MeasuringDevice

__all__ = [
    "Device",
    "KnownError",
    "Latency",
    "LayerLatency",
    "Measurement",
    "MeasurementFailed",
    "MeasuringDevice",
    "OutOfReach",
    "device_names",
    "find_device",
    "load_device",
]
