"""What all parts of an experiment have in common: how they are checked, and how they complain."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationInfo, field_validator
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import DataclassSchema

from experiments.complaints import SAID
from nas.errors import InputError, unknown
from nas.train.recipe import Recipe

T = TypeVar("T")


def said(message: str) -> PydanticCustomError:
    """A complaint whose words are its own."""
    return PydanticCustomError(SAID, "{message}", {"message": message})


def check_name(what: str, names: Callable[[], Iterable[str]], name: str) -> str:
    """The name, where it is among those that exist, which are asked late."""
    if name not in (known := tuple(names())):
        raise said(unknown(what, name, known))
    return name


def checked(check: Callable[[Any], None], value: T) -> T:
    """The value, where nothing is wrong with it."""
    try:
        check(value)
    except InputError as error:
        raise said(str(error)) from error
    return value


def distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    """The values, where none stands twice."""
    if again := [value for index, value in enumerate(values) if value in values[:index]]:
        raise said(f"found '{again[0]}' twice; expected each once")
    return values


class Section(BaseModel):
    """Settings that stand together: frozen, and nothing in them that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class RecipeSection(Recipe):
    """A recipe from outside, whose types are checked before its values are."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a mapping, which strictness would refuse for a dataclass; its values stay strict."""
        schema = handler(source)
        cast(DataclassSchema, handler.resolve_ref_schema(schema))["strict"] = False
        return schema

    @field_validator("*")
    @classmethod
    def _alone(cls, value: Any, info: ValidationInfo) -> Any:
        """Asks the recipe about each value beside those before it, so that a mistake is known by its key."""
        name = str(info.field_name)
        if name not in Recipe.__dataclass_fields__:
            return value
        try:
            Recipe(**{**info.data, name: value})
        except InputError as error:
            raise said(str(error).removeprefix(f"{name}: ")) from error
        return value


def epochs(number: int) -> BeforeValidator:
    """Fills in the epochs that a recipe leaves out."""
    return BeforeValidator(lambda value: {"epochs": number, **value} if isinstance(value, dict) else value)
