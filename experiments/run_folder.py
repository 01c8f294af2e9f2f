"""The folder of a run: one experiment's, one process's at a time, every file whole or absent."""

import fcntl
import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from experiments.schema import Experiment, load_experiment
from nas.errors import InputError
from nas.files import write_text

EXPERIMENT = "experiment.yaml"


class RunFolder:
    """Where a run keeps everything; a context that holds the folder's lock.

    A step's result is kept under `steps/` when the step has ended; that is what makes
    the same command go on after a kill instead of starting again.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock: IO[str] | None = None

    @classmethod
    def claim(cls, path: Path, experiment: Experiment) -> "RunFolder":
        """The folder for `experiment`, new or from an earlier start of the same one.

        Raises `InputError` for a folder that holds something else, belongs to a different
        experiment, or is in use.
        """
        folder = cls(path)
        folder._refuse_foreign(experiment)
        try:
            path.mkdir(parents=True, exist_ok=True)
            folder._lock = (path / ".lock").open("a")
        except OSError as error:
            raise InputError(f"{path}: cannot be used ({error.strerror}); expected a folder to write to") from error
        try:
            fcntl.flock(folder._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            folder._lock.close()
            raise InputError(f"{path}: is in use by another run; wait for it, or give another --out") from error
        if not (path / EXPERIMENT).exists():
            write_text(path / EXPERIMENT, experiment.to_yaml())
        return folder

    def _refuse_foreign(self, experiment: Experiment) -> None:
        kept = self.path / EXPERIMENT
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is a file; expected a folder for the run")
        if not kept.exists():
            others = [entry.name for entry in self.path.iterdir()] if self.path.exists() else []
            if any(not name.startswith(".") for name in others):
                raise InputError(f"{self.path}: holds other files but no run; expected an empty or a new folder")
            return
        earlier = load_experiment(kept)
        if earlier.digest != experiment.digest:
            changed = _first_difference(earlier.model_dump(mode="json"), experiment.model_dump(mode="json"))
            raise InputError(
                f"{self.path}: belongs to a different experiment ('{earlier.name}', {changed}); give another --out"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def result(self, step: str) -> dict[str, Any] | None:
        """What a step that has ended gave, or None."""
        file = self.path / "steps" / f"{step}.json"
        if not file.exists():
            return None
        result: dict[str, Any] = json.loads(file.read_text())
        return result

    def finish(self, step: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keeps a step's result: from now on the step counts as done."""
        write_text(self.path / "steps" / f"{step}.json", json.dumps(result, indent=1, allow_nan=False))
        return result

    def checkpoints(self, name: str) -> Path:
        """Where a training keeps its checkpoints."""
        return (self.path / "checkpoints" / name).absolute()

    def drop_checkpoints(self, name: str) -> None:
        """Frees the space of a training whose result is all that counts."""
        shutil.rmtree(self.checkpoints(name), ignore_errors=True)


def _first_difference(one: dict[str, Any], other: dict[str, Any], prefix: str = "") -> str:
    """The first setting that differs, as in 'search.trained was 4, now 8'."""
    for key in one:
        if one[key] == other.get(key) or key in ("out", "data_dir"):
            continue
        if isinstance(one[key], dict) and isinstance(other.get(key), dict):
            return _first_difference(one[key], other[key], f"{prefix}{key}.")
        if "\n" in f"{one[key]}{other.get(key)}":
            return f"{prefix}{key} differs"
        return f"{prefix}{key} was {one[key]}, now {other.get(key)}"
    return "settings differ"
