"""Measured milliseconds as a table that grows line by line, and goes on where it was left.

The columns `architecture` and `ms` are all that a table of one's own needs; an architecture is
its text with '; ' between the lines, a name of the zoo, or a file.
"""

import csv
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

from experiments.architectures import load_architecture
from experiments.tables import read_table
from nas.architecture import Architecture
from nas.blocks import canonical
from nas.errors import InputError, one_line, shortened
from nas.latency.command_output import MOST_MS
from nas.latency.measuring import Measurement

COLUMNS = ("digest", "architecture", "ms", "spread", "runs", "board", "device", "precision", "split")
NEEDED = ("architecture", "ms")
FIT, HELD_OUT = "fit", "held-out"


@dataclass(frozen=True)
class Row:
    """One architecture and its milliseconds; `split` says whether a fit may see it."""

    architecture: Architecture
    ms: float
    split: str = FIT
    device: str = ""
    precision: str = ""


class Measurements:
    """The rows of a file, by the architecture's digest; `add` appends to both.

    A line is written whole and before the next measurement begins, so a start that was killed has
    lost one measurement at most.
    """

    def __init__(self, path: Path, device: str, precision: str):
        self.path, self.device, self.precision = path, device, precision
        self.rows = {row.architecture.digest: row for row in read_measurements(path)} if _mended(path) else {}
        for row in self.rows.values():
            if (row.device, row.precision) != (device, precision):
                raise InputError(
                    f"{path}: holds measurements of {row.device or 'a device without a name'} as "
                    f"{row.precision or 'files of no stated precision'}; expected those of {device} as {precision}, "
                    "or a new file"
                )

    def add(self, architecture: Architecture, measurement: Measurement, split: str = FIT) -> None:
        """Keeps a measurement; raises `InputError` where the file cannot be written."""
        row = Row(architecture, measurement.ms, split, self.device, self.precision)
        _append(self.path, _line(row, measurement))
        self.rows[architecture.digest] = row


def read_measurements(path: Path) -> list[Row]:
    """The rows of a table, of which the last counts where an architecture stands twice.

    Raises `InputError` naming the line for an architecture that is unknown, milliseconds that no
    measurement gives, or a row that is cut.
    """
    table = read_table(path, NEEDED, f"measurements, a CSV file with the columns {', '.join(NEEDED)}")
    rows = (_row(row, where) for where, row in table.rows)
    return list({row.architecture.digest: row for row in rows}.values())


def _row(row: dict[str, str], where: str) -> Row:
    split = row.get("split") or FIT
    if split not in (FIT, HELD_OUT):
        raise InputError(f"{where}: split is '{shortened(one_line(split))}'; expected {FIT} or {HELD_OUT}")
    architecture = _architecture(row["architecture"].strip(), where)
    return Row(architecture, _ms(row["ms"], where), split, row.get("device", ""), row.get("precision", ""))


def _architecture(text: str, where: str) -> Architecture:
    if not text:
        raise InputError(f"{where}: has no architecture; expected its text, a name of the zoo, or a file")
    try:
        if text.startswith("input "):
            return canonical(Architecture.parse("\n".join(text.split(";")), where), where)
        return load_architecture(text).architecture
    except InputError as error:
        said = str(error)
        raise error if said.startswith(where) else InputError(f"{where}: {said}") from error


def _ms(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 < value <= MOST_MS:
        return value
    found = shortened(one_line(text.strip()))
    raise InputError(f"{where}: ms is '{found}'; expected milliseconds, a number above 0, {MOST_MS:.0f} at most")


def _mended(path: Path) -> bool:
    """Whether the file is there; what a killed start left of a last line is cut off.

    Raises `InputError` for a file that no `Measurements` began, and leaves it alone.
    """
    header = f"{','.join(COLUMNS)}\n".encode()
    try:
        data = path.read_bytes()
        if not (data.startswith(header) or header.startswith(data)):
            raise InputError(
                f"{path} line 1: has other columns than measurements are kept in; expected {', '.join(COLUMNS)}, "
                "or a new file"
            )
        if data and not data.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(data.rfind(b"\n") + 1)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{path}: cannot be used ({error.strerror}); expected a CSV file of measurements") from error
    return bool(path.stat().st_size)


def _line(row: Row, measurement: Measurement) -> dict[str, object]:
    return {
        "digest": row.architecture.digest,
        "architecture": "; ".join(row.architecture.text.splitlines()),
        "ms": f"{row.ms:.6g}",
        "spread": f"{measurement.spread:.4f}",
        "runs": measurement.runs,
        "board": measurement.board,
        "device": row.device,
        "precision": row.precision,
        "split": row.split,
    }


def _append(path: Path, line: dict[str, object]) -> None:
    """Writes the line in one piece, after the header where the file is new."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(line)
            file.write(text.getvalue().encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a place to write to") from error
