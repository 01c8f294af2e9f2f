"""Devices as experiments and commands use them: every one answers for a traced architecture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from experiments.limits import by_device
from experiments.measurements import Measurements
from experiments.objectives import devices_of
from experiments.schema import Experiment
from experiments.sections.search import Search
from experiments.untrained import export_untrained
from nas.errors import InputError
from nas.files import write_bytes
from nas.latency import Device, Latency, MeasuringDevice, find_device
from nas.latency.device import FOLDER, device_file
from nas.ops import Trace

DEVICES = "devices"  # in a run's folder: the device files that it began with
MEASURED = "measured"  # in a run's folder: what its devices have measured
SHOWN = "edgetpu-usb"  # the device of tables and pictures where an experiment names none


@dataclass(frozen=True)
class MeasuredDevice:
    """A device that measures, which is given an architecture's file with fresh weights.

    What was measured once is kept in `table` and taken from there; `say` is told each new number.
    """

    device: MeasuringDevice
    models: Path
    table: Measurements
    say: Callable[[str], None] = lambda _: None
    evidence: Literal["measured"] = "measured"
    known_error: None = None

    @property
    def name(self) -> str:
        """The measuring device's own."""
        return self.device.name

    @property
    def kind(self) -> str:
        """The measuring device's own."""
        return self.device.kind

    @property
    def title(self) -> str:
        """The measuring device's own."""
        return self.device.title

    def latency(self, trace: Trace) -> Latency:
        """Measured milliseconds of one picture, of the whole network.

        Raises `InputError` where the network cannot be exported, and `MeasurementFailed` where
        it cannot be measured.
        """
        if trace.architecture is None:
            raise InputError(f"{self.name}: measures files; expected a trace that holds its architecture")
        known = self.table.rows.get(trace.architecture.digest)
        if known is None:
            model = export_untrained(trace.architecture, self.device.precision, self.models)
            measurement = self.device.measure(model)
            self.table.add(trace.architecture, measurement)
            self.say(f"{self.name}: {measurement.ms:.4g} ms measured of {trace.architecture.digest}")
            model.unlink(missing_ok=True)
            known = self.table.rows[trace.architecture.digest]
        return Latency(known.ms, {"measured": known.ms}, (), self.evidence)


def asked(device: Device | MeasuringDevice, folder: Path, say: Callable[[str], None] = lambda _: None) -> Device:
    """The device as one that answers for traces; what it measures is kept in `folder`."""
    if not isinstance(device, MeasuringDevice):
        return device
    table = Measurements(folder / f"{device.name}.csv", device.name, device.precision)
    return MeasuredDevice(device, folder / "models", table, say)


class Asked(NamedTuple):
    """A device that an experiment asks, its limit if it has one, and the name or file that it is spelled as."""

    device: Device
    milliseconds: float | None
    source: str


def open_devices(experiment: Experiment, run: Path, say: Callable[[str], None] = lambda _: None) -> list[Asked]:
    """The devices that an experiment limits or has as an objective, in its order.

    Raises `InputError` where two have one name, or a file is not what it was when the run began.
    """
    opened: dict[str, Asked] = {}
    for source, limit in sources(experiment.search).items():
        found = find_device(source)
        _require_same(device_file(source), found.name, run)
        device = asked(found, run / MEASURED, say)
        if device.name in opened:
            where = experiment.where("search", "limits", source)
            raise InputError(f"{where}: is a second device of the name '{device.name}'; expected one of each name")
        opened[device.name] = Asked(device, limit, source)
    return list(opened.values())


def sources(search: Search) -> dict[str, float | None]:
    """The names and files of an experiment's devices, with their limits; `SHOWN` where it names none."""
    limited: dict[str, float | None] = dict(by_device(search.limits).items())
    others = dict.fromkeys(device for device in devices_of(search.objectives) if device not in limited)
    return limited | others or {SHOWN: None}


def keep_device_files(experiment: Experiment, run: Path) -> None:
    """Copies the device files that do not come with the toolkit into the run's folder, as they are now."""
    for file in map(device_file, sources(experiment.search)):
        if file.parent != FOLDER:
            write_bytes(_copy(file, find_device(file).name, run), file.read_bytes())


def _copy(file: Path, name: str, run: Path) -> Path:
    """Where a device's file is kept: by the device's name, for files of one name may lie in several folders."""
    return run / DEVICES / f"{name}{file.suffix}"


def _require_same(file: Path, name: str, run: Path) -> None:
    """Refuses a device file that has changed since the run began: its trials would not be comparable."""
    kept = _copy(file, name, run)
    if not kept.is_file():
        kept = run / DEVICES / file.name  # of a device that had another name, or as runs kept it at first
    if kept.is_file() and kept.read_bytes() != file.read_bytes():
        raise InputError(f"{file}: is not what it was when this run began ({kept}); expected that, or another --out")
