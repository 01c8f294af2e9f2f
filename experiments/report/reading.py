"""Files of a run folder, read and checked; a file that no run wrote is refused in one line."""

import json
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from experiments.complaints import first_complaint
from experiments.yaml_source import Document, Place
from nas import files
from nas.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """A file as text, or "" where there is none. Raises `InputError` where it cannot be read."""
    return files.read_text(path, "a file of a run") if path.exists() else ""


def read_json(path: Path, model: type[Model]) -> Model | None:
    """A JSON file as `model`, or None where there is none. Raises `InputError` where it does not fit."""
    if not path.is_file():
        return None
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} line {error.lineno}: is no JSON ({error.msg}); expected a file of a run") from error
    return _checked(content, model, path)


def read_yaml(path: Path, model: type[Model]) -> Model | None:
    """A YAML file as `model`, or None where there is none. Raises `InputError` where it does not fit."""
    if not path.is_file():
        return None
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: is no YAML ({said}); expected a file of a run") from error
    return _checked(content, model, path)


def _checked(content: object, model: type[Model], path: Path) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise first_complaint(error, Document(content, {(): Place(str(path))}), model.model_json_schema()) from error
