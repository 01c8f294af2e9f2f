"""Milliseconds of a traced network on a device, and what they are made of.

>>> from nas.latency import device_names
>>> device_names()
('edgetpu-pcie', 'edgetpu-usb', 'edgetpu-usb2')

Every number of these three devices is an estimate computed from op shapes. None was
measured by this project; each device says what its constants were fitted on and how far
off it has been on networks that the fit had not seen.
"""

from nas.latency.device import device_names, load_device
from nas.latency.latency import Device, KnownError, Latency, LayerLatency

__all__ = ["Device", "KnownError", "Latency", "LayerLatency", "device_names", "load_device"]
