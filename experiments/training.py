"""One training by itself as validated settings, and the folder that it has."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from experiments.complaints import first_complaint
from experiments.run_folder import RunFolder
from experiments.sections.data import WHERE, Data
from experiments.sections.section import RecipeSection, Section
from experiments.sections.train import Teaching
from experiments.yaml_source import Document, KeyPath, Place, read_file, with_overrides
from nas.architecture import Architecture

TRAINING = "training.yaml"


def _check_architecture(text: str) -> str:
    Architecture.parse(text)
    return text


class Training(Section):
    """What is trained, on what, and how."""

    name: str = Field(min_length=1, description="what the network is called")
    architecture: Annotated[str, AfterValidator(_check_architecture)]
    seed: int = Field(0, ge=0, lt=2**32, description="an integer from 0 to 4294967295")
    data: Data = Data()
    recipe: RecipeSection = RecipeSection()
    teacher: Teaching | None = None
    init: str | None = None
    grow: bool = False
    freeze: str | None = None
    freeze_epochs: int | None = Field(None, ge=0, description="epochs in which the backbone stays as it is, 0 or more")
    rounding: Literal["max", "mse", "percentile"] | None = Field(
        None, description="max, mse or percentile: all is rounded to int8, with ranges that end there"
    )

    @property
    def frozen_epochs(self) -> int:
        """Epochs in which a part is frozen: where it is not said a quarter of them, and at least one."""
        if not self.freeze:
            return 0
        return max(1, self.recipe.epochs // 4) if self.freeze_epochs is None else self.freeze_epochs

    @property
    def apart(self) -> dict[str, Any]:
        """The keys that decide nothing of the result."""
        return {"name": True, "data": WHERE}

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits for what decides the result."""
        settings = self.model_dump(mode="json", exclude=self.apart)
        settings["data"]["dataset"] = self.data.name
        return sha256(json.dumps(settings).encode()).hexdigest()[:12]

    def to_yaml(self) -> str:
        """All settings as YAML, which `load_training` reads back."""
        from experiments.stages.winner import dump_yaml

        return dump_yaml(self.model_dump(mode="json"))


Kind = TypeVar("Kind", bound=Section)


class TrainingFolder(RunFolder):
    """Where one training keeps everything."""

    what = "training"
    file = TRAINING

    @staticmethod
    def load(file: Path) -> Training:
        """Reads what `keep` has written."""
        return load_training(file)

    @property
    def checkpoint(self) -> Path:
        """Where its checkpoints are."""
        return (self.path / "checkpoints").absolute()


def settings(
    values: Mapping[KeyPath, tuple[str, Any]], overrides: Sequence[str], kind: type[Kind], command: str = "nas train"
) -> Kind:
    """The settings of a kind that options of a command line give, each with how it is spelled, and then `--set a.b=c`.

    Raises `InputError` for the first mistake, in one line.
    """
    nested: dict[str, Any] = {}
    places = {(): Place(command)}
    for path, (spelled, value) in values.items():
        part = nested
        for key in path[:-1]:
            part = part.setdefault(str(key), {})
        part[str(path[-1])] = value
        places[path] = Place(spelled)  # type: ignore[index]
    return _training(with_overrides(Document(nested, places), overrides), kind)  # type: ignore[arg-type]


def load_training(file: Path) -> Training:
    """The settings in training.yaml. Raises `InputError` where they cannot be read."""
    return load_settings(file, Training)


def load_settings(file: Path, kind: type[Kind]) -> Kind:
    """Settings of a kind such as a training's, as `to_yaml` gives them; raises `InputError` likewise."""
    return _training(read_file(file), kind)


def _training(document: Document, kind: type[Kind]) -> Kind:
    try:
        return kind.model_validate(document.values)
    except ValidationError as error:
        raise first_complaint(error, document, kind.model_json_schema()) from error


def is_training(folder: Path) -> bool:
    """Whether a folder is that of a training by itself."""
    return (folder / TRAINING).is_file()
