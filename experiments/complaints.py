"""What pydantic found wrong, said in one line: where, what was found, what would be right."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from experiments.yaml_source import Document, KeyPath, dotted
from nas.errors import InputError, unknown
from nas.search.address import without_password

Schema = Mapping[str, Any]

SAID = "said"  # the type of an error whose message already says what was found and what would be right
_KINDS = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "boolean": "true or false",
}
_LONGEST = 60  # characters of a found value that a message shows


def first_complaint(error: ValidationError, document: Document, schema: Schema) -> InputError:
    """The first mistake by line; a key that is missing has no line and comes after all others.

    `schema` is the JSON schema of what was expected; its descriptions say what would be right.
    """

    def order(details: ErrorDetails) -> tuple[bool, tuple[int, int, int]]:
        return details["type"] == "missing", document.place(_path(details)).order

    details = min(_causes(error.errors()), key=order)
    path = _path(details)
    where = f"{document.place(path)}: {dotted(path)}" if path else str(document.place(path))
    return InputError(f"{where}: {_complaint(details, path, document, schema)}")


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what follows from others: of a whole that has a wrong part, of a default that needs another value."""
    errors = [details for details in errors if details["type"] != "default_factory_not_called"]
    above = {_path(details)[:length] for details in errors for length in range(len(_path(details)))}
    return [details for details in errors if _path(details) not in above]


def _path(details: ErrorDetails) -> KeyPath:
    return tuple(key for key in details["loc"] if key != "[key]")


def _complaint(details: ErrorDetails, path: KeyPath, document: Document, schema: Schema) -> str:
    kind, found = details["type"], details["input"]
    wanted = _wanted(schema, path)
    if kind == SAID:
        return details["msg"]
    if kind == "value_error":  # about several values of a section
        return str(details["ctx"]["error"])
    if kind == "string_unicode":
        return "is no UTF-8; expected text in UTF-8"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):  # of a model, and of a dataclass
        return unknown("key", str(path[-1]), _wanted(schema, path[:-1]).get("properties", {}))
    if kind == "missing":
        return f"is missing; expected {_expected(wanted, details)}"
    names = [value for value in _values(wanted) if isinstance(value, str)]
    if names and isinstance(found, str):
        return unknown("value", found, names)
    shown = _shown(found, document.place(path).raw if document.value(path) is found else "", kind)
    return f"found {shown}; expected {_expected(wanted, details)}"


def _values(wanted: Schema) -> Sequence[Any]:
    """The only values that there may be, where they are counted."""
    return wanted.get("enum") or ([wanted["const"]] if "const" in wanted else [])


def _wanted(schema: Schema, path: KeyPath) -> Schema:
    """The part of the schema that says what stands at `path`, or an empty one."""
    part = schema
    for key in path:
        part = _resolved(schema, part)
        if isinstance(key, int):
            part = part.get("items", {})
        else:
            part = part.get("properties", {}).get(key) or part.get("additionalProperties") or {}
    return _resolved(schema, part)


def _resolved(schema: Schema, part: Schema) -> Schema:
    """The part with its reference followed, and with its one alternative to null."""
    for option in part.get("anyOf", ()):
        if option.get("type") != "null":
            part = {**option, **part, "null": True}
    if "$ref" in part:
        part = {**schema["$defs"][part["$ref"].rsplit("/", 1)[1]], **part}
    return part


def _expected(wanted: Schema, details: ErrorDetails) -> str:
    if "properties" in wanted:
        return f"a section with keys such as {', '.join(list(wanted['properties'])[:3])}"
    kind = _KINDS.get(wanted.get("type", ""), details["msg"].removeprefix("Input should be ").lower())
    said = str(wanted.get("description", kind))
    if values := _values(wanted):
        said = ("one of " if len(values) > 1 else "") + ", ".join(map(str, values))
    return f"{said} or null" if wanted.get("null") else said


def _shown(found: Any, raw: str, kind: str) -> str:
    """The value as YAML, with what it is where that is the mistake."""
    if found is None:
        return "nothing"
    text = yaml.safe_dump(found, default_flow_style=True, width=10**9, allow_unicode=True)
    text = without_password(text.removesuffix("\n").removesuffix("\n..."))
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    if isinstance(found, bool):
        return text if raw.lower() in ("", text) else f"'{raw}', which is {text} to YAML"
    if isinstance(found, str):
        quoted = f"'{without_password(found)[:_LONGEST]}'"
        return f"the text {quoted}{_as_number(found)}" if kind.endswith(("_type", "_str")) else quoted
    if kind == "string_type" and isinstance(found, int | float):
        return f"the number {raw or text}"
    return f"the date {text}" if isinstance(found, date) else text


def _as_number(text: str) -> str:
    """A hint for text that looks like a number: 1e-3 lacks the point that YAML wants."""
    try:
        number = float(text)
    except ValueError:
        return ""
    number = int(number) if number.is_integer() else number
    return f" (as a number: {yaml.safe_dump(number).split()[0]})"
