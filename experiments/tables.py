"""Tables in CSV as they are read: with the columns that are needed, and a field for each column in every row."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from nas.errors import InputError
from nas.files import read_text


class Table(NamedTuple):
    """The columns, and each row by column after where it stands, as messages begin; the rows can be read once."""

    columns: list[str]
    rows: Iterator[tuple[str, dict[str, str]]]


def read_table(path: Path, needed: Sequence[str], expected: str) -> Table:
    """The table in a file with at least the columns `needed`; `expected` says in words what the file should be.

    Raises `InputError` where it cannot be read or lacks a column and, when it comes to that row,
    naming the line where one has more or fewer fields than there are columns.
    """
    lines = _lines(path, expected)
    where, columns = next(lines, (f"{path} line 1", []))
    if absent := [column for column in needed if column not in columns]:
        raise InputError(f"{where}: has no column '{absent[0]}'; expected {expected}")
    return Table(columns, _rows(lines, columns))


def finite(row: dict[str, str], column: str, where: str) -> float:
    """The number in a column of a row; raises `InputError` where it is none, or not finite."""
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {column} is '{row[column][:40]}'; expected a finite number")
    return value


def _rows(lines: Iterator[tuple[str, list[str]]], columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    for where, fields in lines:
        if len(fields) != len(columns):
            raise InputError(f"{where}: found {len(fields)} fields; expected {len(columns)}, one for each column")
        yield where, dict(zip(columns, fields, strict=True))


def _lines(path: Path, expected: str) -> Iterator[tuple[str, list[str]]]:
    """The fields of each line that is not empty."""
    reader = csv.reader(io.StringIO(read_text(path, expected)))
    try:
        for fields in reader:
            if fields:
                yield f"{path} line {reader.line_num}", fields
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: is no CSV ({error}); expected {expected}") from error
