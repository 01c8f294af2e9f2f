"""What a run has found so far, from the files that it keeps up to date: the run may go on meanwhile."""

from pathlib import Path
from typing import Any

import yaml

from experiments.tables import finite, read_table
from nas.errors import InputError
from nas.files import read_text

MARK = "experiment.yaml"  # what makes a folder that of a run
ENDED = Path("steps") / "search.json"
FRONT = ("number", "digest", "architecture")  # the columns beside those of the objectives
WRITTEN = "the file as the run wrote it"


def read_winner(folder: Path) -> dict[str, Any]:
    """winner.yaml with `search`, how far that has come.

    Raises `InputError` where the folder is no run's, or nothing was trained yet.
    """
    file = _file(folder, "winner.yaml", "winner")
    try:
        found = yaml.safe_load(read_text(file, WRITTEN))
    except yaml.YAMLError as error:
        raise _broken(file) from error
    if not isinstance(found, dict) or not {"architecture", "trial", "params", "macs", "latency_ms"} <= set(found):
        raise _broken(file)
    return {**found, "search": _progress(folder)}


def read_front(folder: Path) -> dict[str, Any]:
    """front.csv as `front`, its rows with numbers by objective, with `search`, how far that has come.

    Raises `InputError` as `read_winner` does.
    """
    file = _file(folder, "front.csv", "front")
    table = read_table(file, FRONT, WRITTEN)
    names = [name for name in table.columns if name not in FRONT]
    rows = [_row(row, names, where) for where, row in table.rows]
    return {"objectives": names, "front": rows, "search": _progress(folder)}


def _row(row: dict[str, str], names: list[str], where: str) -> dict[str, Any]:
    architecture = "\n".join(row["architecture"].split("; ")) + "\n"
    number, values = int(finite(row, "number", where)), {name: finite(row, name, where) for name in names}
    return {"trial": number, "digest": row["digest"], "values": values, "architecture": architecture}


def _file(folder: Path, name: str, what: str) -> Path:
    if not (folder / MARK).is_file():
        raise InputError(f"{folder}: is no run's folder; expected one that `nas run` has made or is making")
    if not (folder / name).is_file():
        done = _progress(folder)
        found = f"has no {what} yet ({done['trials']} trials have ended, {done['trained']} of them trained)"
        raise InputError(f"{folder}: {found}; expected a run that got so far")
    return folder / name


def _progress(folder: Path) -> dict[str, Any]:
    """How many trials have ended, how many were trained, and whether that is all."""
    file = folder / "trials.csv"
    states = [row["state"] for _, row in read_table(file, ("state",), WRITTEN).rows] if file.exists() else []
    return {"trials": len(states), "trained": states.count("trained"), "ended": (folder / ENDED).is_file()}


def _broken(file: Path) -> InputError:
    return InputError(f"{file}: cannot be read; expected {WRITTEN}")


def progress_line(progress: dict[str, Any]) -> str:
    """The same in words."""
    state = "the search has ended" if progress["ended"] else "the search has not ended"
    return f"{progress['trials']} trials, {progress['trained']} trained; {state}"
