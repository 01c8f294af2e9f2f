"""The layers of a run's int8 file beside float, as `layers.csv` lists them."""

import csv
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path

from experiments.report.reading import read_text
from nas.errors import InputError

PLACES = (Path("int8", "layers.csv"), Path("layers.csv"))  # of `nas quantization`, which is asked for; of the run
COLUMNS = ("place", "op", "name", "snr", "lost", "weights_snr", "helps")


@dataclass(frozen=True)
class Layer:
    """One layer; its signal over its error, and that of its weights alone, are in decibels, `lost` since its inputs."""

    place: int
    op: str
    name: str
    snr: float
    lost: float
    weights_snr: float | None
    helps: str

    @property
    def short(self) -> str:
        """What stands for the layer: its place in the file, and its op."""
        return f"{self.place}. {self.op}"

    @property
    def end(self) -> str:
        """The end of its name, which is where layers differ."""
        return self.name.split("/")[-1]


def read_layers(folder: Path) -> tuple[Layer, ...]:
    """The layers, worst first; none where no table was written.

    Raises `InputError` naming the line where the file is none of ours.
    """
    path = next((folder / place for place in PLACES if (folder / place).is_file()), None)
    if path is None:
        return ()
    rows = csv.DictReader(StringIO(read_text(path)), restval="")
    try:
        absent = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if absent:
            raise InputError(f"{path} line 1: has no column '{absent[0]}'; expected what `nas quantization` writes")
        layers = [_layer(row, f"{path} line {rows.line_num}") for row in rows]
    except csv.Error as error:
        raise InputError(f"{path}: is no CSV ({error}); expected what `nas quantization` writes") from error
    return tuple(sorted(layers, key=lambda layer: layer.snr))


def _layer(row: dict[str, str], where: str) -> Layer:
    place, snr, lost = (_number(row, column, where) for column in ("place", "snr", "lost"))
    weights = _number(row, "weights_snr", where) if row["weights_snr"] else None
    return Layer(int(place), row["op"], row["name"], snr, lost, weights, row["helps"])


def _number(row: dict[str, str], column: str, where: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise InputError(f"{where}: {column} is '{row[column][:40]}'; expected a finite number")
    return value
