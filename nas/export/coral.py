"""A Coral device at this machine: found, and measured on, where it and its runtime are there."""

import statistics
import time
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.errors import InputError
from nas.export.quiet import quiet

LIBRARY = "libedgetpu.so.1"
USB_IDS = (("1a6e", "089a"), ("18d1", "9302"))  # before and after its first use (recollection of Coral's guide)
PCIE = "/dev/apex_0"  # (recollection: the gasket driver's first device)
RUNS, WARM_UP = 100, 10


@dataclass(frozen=True)
class Coral:
    """Whether a device and its runtime were found, in words; `missing` is empty where both were."""

    device: str
    missing: str


def find_coral(usb: Path = Path("/sys/bus/usb/devices"), pcie: Path = Path(PCIE)) -> Coral:
    """Looks for a device on the buses and for the runtime's library."""
    device = "a PCIe device" if pcie.exists() else "a USB accelerator" if _on_usb(usb) else ""
    if not device:
        return Coral("", "no Coral device was found")
    if find_library("edgetpu") is None:
        return Coral(device, f"{device} was found, but no {LIBRARY}")
    return Coral(device, "")


def measure(model: Path) -> float:
    """Median milliseconds of a compiled file on the device, batch 1.

    Raises `InputError` where the runtime refuses the device or the file.
    """
    from ai_edge_litert.interpreter import Interpreter, load_delegate

    try:
        with quiet():
            interpreter = Interpreter(str(model), experimental_delegates=[load_delegate(LIBRARY)])
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"{model}: the Edge TPU's runtime refuses it: {' '.join(str(error).split())}") from error
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    taken = []
    for _ in range(RUNS + WARM_UP):
        begin = time.perf_counter()
        interpreter.invoke()
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken[WARM_UP:])


def _on_usb(folder: Path) -> bool:
    found = {(_read(place / "idVendor"), _read(place / "idProduct")) for place in folder.glob("*")}
    return any(identity in found for identity in USB_IDS)


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
