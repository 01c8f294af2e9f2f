"""The folder of a run: one experiment's, one process's at a time, every file whole or absent."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from experiments.lock import hold
from experiments.schema import load_experiment
from experiments.sections.data import Data
from nas.errors import InputError
from nas.files import write_text

EXPERIMENT = "experiment.yaml"
LOCK = ".lock"


class Settings(Protocol):
    """What decides a run's results, such as an experiment."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def data(self) -> Data:
        """The pictures."""

    @property
    def apart(self) -> dict[str, Any]:
        """The keys of it that decide nothing, as True in nested dictionaries."""

    @property
    def digest(self) -> str:
        """The same for settings that give the same results."""

    def to_yaml(self) -> str:
        """All of it as text."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """All of it as plain values."""

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with other values of some keys."""


class RunFolder:
    """Where a run keeps everything; a context that holds the folder's lock.

    A step's result is kept under `steps/` when the step has ended; that is what makes
    the same command go on after a kill instead of starting again.
    """

    what = "experiment"
    file = EXPERIMENT  # what makes a folder that of a run

    def __init__(self, path: Path):
        self.path = path
        self._lock: IO[str] | None = None

    @classmethod
    def claim(cls, path: Path, experiment: Settings) -> Self:
        """The folder for `experiment`, new or from an earlier start of the same one.

        Raises `InputError` for a folder that holds something else, belongs to a different
        experiment, or is in use.
        """
        folder = cls(path)
        try:
            folder._refuse_foreign(experiment)
            path.mkdir(parents=True, exist_ok=True)
            folder._lock = hold(path / LOCK, f"{path}: is in use by another run; wait for it, or give another --out")
        except OSError as error:
            raise InputError(f"{path}: cannot be used ({error.strerror}); expected a folder to write to") from error
        try:
            folder._refuse_foreign(experiment)  # again: another run may have come and gone before the lock
            folder._clear_parts()
        except (InputError, OSError):
            folder._lock.close()
            raise
        return folder

    def keep(self, experiment: Settings) -> None:
        """Writes the experiment down; from now on the folder is this experiment's.

        Until then a start that ends leaves no trace, so that a mistake in the experiment
        can be put right and the same folder given again.
        """
        if not (self.path / self.file).exists():
            write_text(self.path / self.file, experiment.to_yaml())
        self.follow(experiment)

    def follow(self, experiment: Settings) -> None:
        """Notes in what was written down where the pictures have moved, once they are found there."""
        if not (self.path / self.file).exists():
            return
        earlier = self.load(self.path / self.file)
        moved = _with_moved(earlier, experiment)
        if moved is not earlier:
            write_text(self.path / self.file, moved.to_yaml())

    @staticmethod
    def load(file: Path) -> Settings:
        """Reads what `keep` has written."""
        return load_experiment(file)

    def _clear_parts(self) -> None:
        """Removes what an earlier start was writing when it was killed."""
        for folder in (self.path, self.path / "steps", self.path / "family"):
            for part in folder.glob(".*.part"):
                part.unlink(missing_ok=True)

    def _refuse_foreign(self, experiment: Settings) -> None:
        kept = self.path / self.file
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is a file; expected a folder for the run")
        if not kept.exists():
            others = [entry.name for entry in self.path.iterdir()] if self.path.exists() else []
            if any(not name.startswith(".") for name in others):
                raise InputError(f"{self.path}: holds other files but no run; expected an empty or a new folder")
            return
        earlier = _with_moved(self.load(kept), experiment)
        if earlier.digest != experiment.digest or earlier.data.dataset != experiment.data.dataset:
            before, now = (settings.model_dump(mode="json") for settings in (earlier, experiment))
            changed = _first_difference(before, now, experiment.apart)
            raise InputError(
                f"{self.path}: belongs to a different {self.what} ('{earlier.name}', {changed or 'settings differ'}); "
                "give another --out"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is None:
            return
        if not (self.path / self.file).exists():
            with suppress(OSError):  # a folder that holds something else stays
                (self.path / LOCK).unlink()
                self.path.rmdir()
        self._lock.close()

    def result(self, step: str) -> dict[str, Any] | None:
        """What a step that has ended gave, or None; raises `InputError` where its file is damaged."""
        file = self.path / "steps" / f"{step}.json"
        if not file.exists():
            return None
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(file, "cannot be read as JSON") from error
        if not isinstance(result, dict) or "seconds" not in result:
            raise _damaged(file, "is not what this step writes")
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


def _with_moved(earlier: Settings, now: Settings) -> Settings:
    """The earlier settings, with their pictures where they are now if they may have moved there."""
    data = earlier.data.moved(now.data)
    return earlier if data.dataset == earlier.data.dataset else earlier.model_copy(update={"data": data})


def _damaged(file: Path, found: str) -> InputError:
    return InputError(f"{file}: {found}; expected the result of a step, delete the file to have the step done again")


def _first_difference(
    one: Mapping[str, Any], other: Mapping[str, Any], apart: Mapping[str, Any], prefix: str = ""
) -> str:
    """The first setting that differs and is not `apart`, as in 'search.trained was 4, now 8'; empty for none."""
    for key in one:
        if one[key] == other.get(key) or apart.get(key) is True:
            continue
        if isinstance(one[key], dict) and isinstance(other.get(key), dict):
            if found := _first_difference(one[key], other[key], apart.get(key, {}), f"{prefix}{key}."):
                return found
            continue
        if "\n" in f"{one[key]}{other.get(key)}":
            return f"{prefix}{key} differs"
        return f"{prefix}{key} was {one[key]}, now {other.get(key)}"
    return ""
