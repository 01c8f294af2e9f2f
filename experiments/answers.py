"""What a run has found so far, from the files that it keeps up to date: the run may go on meanwhile."""

import csv
from pathlib import Path
from typing import Any

import yaml

from nas.errors import InputError

MARK = "experiment.yaml"  # what makes a folder that of a run
ENDED = Path("steps") / "search.json"


def read_winner(folder: Path) -> dict[str, Any]:
    """winner.yaml with `search`, how far that has come.

    Raises `InputError` where the folder is no run's, or nothing was trained yet.
    """
    file = _file(folder, "winner.yaml", "winner")
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _broken(file) from error
    if not isinstance(found, dict) or not {"architecture", "trial", "params", "macs", "latency_ms"} <= set(found):
        raise _broken(file)
    return {**found, "search": _progress(folder)}


def read_front(folder: Path) -> dict[str, Any]:
    """front.csv as `front`, its rows with numbers by objective, with `search`, how far that has come.

    Raises `InputError` as `read_winner` does.
    """
    file = _file(folder, "front.csv", "front")
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            names = [name for name in reader.fieldnames or () if name not in ("number", "digest", "architecture")]
            rows = [_row(row, names) for row in reader]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise _broken(file) from error
    return {"objectives": names, "front": rows, "search": _progress(folder)}


def _row(row: dict[str, str], names: list[str]) -> dict[str, Any]:
    values = {name: float(row[name]) for name in names}
    architecture = "\n".join(row["architecture"].split("; ")) + "\n"
    return {"trial": int(row["number"]), "digest": row["digest"], "values": values, "architecture": architecture}


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
    states: list[str] = []
    try:
        with (folder / "trials.csv").open(encoding="utf-8", newline="") as text:
            states = [row["state"] for row in csv.DictReader(text)]
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise _broken(folder / "trials.csv") from error
    return {"trials": len(states), "trained": states.count("trained"), "ended": (folder / ENDED).is_file()}


def _broken(file: Path) -> InputError:
    return InputError(f"{file}: cannot be read; expected the file as the run wrote it")


def progress_line(progress: dict[str, Any]) -> str:
    """The same in words."""
    state = "the search has ended" if progress["ended"] else "the search has not ended"
    return f"{progress['trials']} trials, {progress['trained']} trained; {state}"
