"""YAML from outside as plain values, each with the place where it was written.

Only what `yaml.safe_load` reads is read: no tag makes an object. Beyond that, a key given
twice is refused, and so is a document that aliases blow up to many times its length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nas.errors import InputError
from nas.search.address import without_password

KeyPath = tuple[str | int, ...]

MOST_BYTES = 1_000_000  # of a file of settings; a larger one is a mistake
MOST_VALUES = 10_000  # counted after aliases are followed
_YAML = "tag:yaml.org,2002:"
_TEXT = f"{_YAML}str"
_MERGE = f"{_YAML}merge"
_PLAIN = {
    *((yaml.ScalarNode, f"{_YAML}{name}") for name in ("str", "int", "float", "bool", "null", "timestamp")),
    (yaml.SequenceNode, f"{_YAML}seq"),
    (yaml.MappingNode, f"{_YAML}map"),
}


@dataclass(frozen=True)
class Place:
    """Where a key is written: a line of a file, or a `--set` of the command line."""

    origin: str
    line: int = 0  # counted from 1; 0 where the origin says it all
    order: tuple[int, int, int] = (0, 0, 0)  # overrides after files, then by line and column
    raw: str = ""  # a scalar as it is spelled
    text_line: int = 0  # lines of the origin before a text's first one

    def __str__(self) -> str:
        return f"{self.origin} line {self.line}" if self.line else self.origin


@dataclass(frozen=True)
class Document:
    """Plain values (dict, list and scalars) and where each of them is written.

    Any two documents are equal: where settings were written is no part of what they are.
    """

    values: Any = field(compare=False)
    places: dict[KeyPath, Place] = field(compare=False)

    def place(self, path: KeyPath) -> Place:
        """Where `path` is written, or the nearest thing around it that is."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place("experiment"))

    def value(self, path: KeyPath) -> Any:
        """The value at `path`, None where there is none."""
        value = self.values
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def dotted(path: KeyPath) -> str:
    """The path as `--set` spells it."""
    return ".".join(map(str, path))


def read_file(path: Path) -> Document:
    """The document in `path`; raises `InputError` where there is none, or none that can be read."""
    try:
        if not path.exists():
            raise InputError(f"{path}: does not exist; expected a YAML file")
        if not path.is_file():
            raise InputError(f"{path}: is not a file; expected a YAML file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a readable YAML file") from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: is longer than {MOST_BYTES} bytes; expected a file of settings")
    try:
        return _read(data.decode("utf-8-sig"), _Origin(str(path)))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"found the byte 0x{data[error.start]:02x}"
        raise InputError(f"{path} line {line}: {found}, which is no UTF-8; expected text in UTF-8") from error


def with_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """The document with each `a.b=c` of the command line put in, in their order.

    `c` is YAML. Raises `InputError` for what is not of that form, and where `a` holds no keys.
    """
    for number, override in enumerate(overrides, start=1):
        document = _with_override(document, override, number)
    return document


def _with_override(document: Document, override: str, number: int) -> Document:
    name, equals, text = override.partition("=")
    path = tuple(key.strip() for key in name.split("."))
    origin = _Origin(f"--set {without_password(override)}", number, path)
    if not equals or not all(path):
        raise InputError(f"{origin.name}: found no key and value; expected as in --set search.trained=4")
    read = _read(text, origin)
    values = _put(document.values, path, read.values, origin)
    places = {at: place for at, place in document.places.items() if at[: len(path)] != path}
    for depth in range(1, len(path)):
        places.setdefault(path[:depth], read.place(path))
    return Document(values, {**places, **read.places})


def _put(values: Any, path: KeyPath, value: Any, origin: "_Origin", above: KeyPath = ()) -> Any:
    """A copy of `values` in which `path` leads to `value`."""
    if not path:
        return value
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise origin.error(0, above, f"holds a value and no keys; expected {dotted(above)}=VALUE")
    return {**values, path[0]: _put(values.get(path[0]), path[1:], value, origin, (*above, path[0]))}


@dataclass(frozen=True)
class _Origin:
    """What a text is: a file, or the value of one of the command line's `--set`."""

    name: str
    override: int = 0  # counts the `--set`s from 1
    path: KeyPath = ()  # where in the experiment the text's value stands

    def error(self, line: int, path: KeyPath, message: str) -> InputError:
        """The error at a line (counted from 1) and a key path of the experiment."""
        spot = self.name if self.override else f"{self.name} line {line}"
        return InputError(f"{spot}: {dotted(path)}: {message}" if path else f"{spot}: {message}")


def _read(text: str, origin: _Origin) -> Document:
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return Document(None, {origin.path: Place(origin.name, order=(origin.override, 0, 0))})
        _Check(origin).check(root, origin.path)
        reader = _Reader(loader, origin)
        return Document(reader.read(root, origin.path), reader.places)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"found the character U+{ord(text[error.position]):04X}"
        raise origin.error(line, origin.path, f"{found}, which is not printable; expected plain text") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not YAML ({_reason(error)}); expected lines as in 'key: value'"
        raise origin.error(mark.line + 1 if mark else 1, origin.path, message) from error
    except RecursionError as error:
        raise origin.error(1, origin.path, "is nested too deep; expected sections of keys") from error
    finally:
        if loader:
            loader.dispose()


def _reason(error: yaml.MarkedYAMLError) -> str:
    problem, began = error.problem or "cannot be parsed", error.context_mark
    if "'\\t'" in problem:
        return "found a tab where only spaces may stand"
    if problem.startswith("but "):
        return f"{error.context}, {problem}"
    if began and error.problem_mark and began.line < error.problem_mark.line:
        return f"{problem}, {error.context} that begins on line {began.line + 1}"
    return problem


class _Check:
    """Looks at a tree of nodes before any value is made from it."""

    def __init__(self, origin: _Origin) -> None:
        self.origin = origin
        self.sizes: dict[int, int] = {}  # of each node, aliases followed; 0 while it is being counted

    def check(self, node: yaml.Node, path: KeyPath) -> int:
        """The number of values under `node`; raises `InputError` for what no settings hold."""
        size = self.sizes.get(id(node))
        if size is None:
            self.sizes[id(node)] = 0
            if (type(node), node.tag) not in _PLAIN:
                raise self.error(node, path, f"found the tag {node.tag}; expected plain values")
            size = 1 + sum(self.check(child, (*path, key)) for key, child in self.children(node, path))
            self.sizes[id(node)] = size
        if size == 0:
            raise self.error(node, path, "holds an alias to itself; expected values that end")
        if size > MOST_VALUES:
            raise self.error(node, path, f"holds more than {MOST_VALUES} values; expected settings")
        return size

    def children(self, node: yaml.Node, path: KeyPath) -> Iterator[tuple[str | int, yaml.Node]]:
        """The nodes in `node` with their keys, which are names that stand once."""
        if isinstance(node, yaml.SequenceNode):
            yield from enumerate(node.value)
        if not isinstance(node, yaml.MappingNode):
            return
        first: dict[str, int] = {}
        for key, child in node.value:
            if key.tag not in (_TEXT, _MERGE):
                found = f"the key '{key.value}'" if isinstance(key, yaml.ScalarNode) else f"a {key.id} as a key"
                raise self.error(key, path, f"found {found}, which is no text to YAML; expected a name")
            if key.value in first:
                again = f"given again, after line {first[key.value]}; expected once"
                raise self.error(key, (*path, key.value), again)
            first[key.value] = key.start_mark.line + 1
            yield key.value, child

    def error(self, node: yaml.Node, path: KeyPath, message: str) -> InputError:
        return self.origin.error(node.start_mark.line + 1, path, message)


class _Reader:
    """Makes plain values from checked nodes and keeps their places."""

    def __init__(self, loader: yaml.SafeLoader, origin: _Origin) -> None:
        self.loader = loader
        self.origin = origin
        self.places: dict[KeyPath, Place] = {}

    def read(self, node: yaml.Node, path: KeyPath, key: yaml.Node | None = None) -> Any:
        """The value of `node`, which stands under `key`; raises `InputError` for a scalar such as 2024-13-45."""
        self.places[path] = self.place(node, key or node)
        if isinstance(node, yaml.MappingNode):
            self.loader.flatten_mapping(node)  # puts in the keys that << brings
            return {key.value: self.read(value, (*path, key.value), key) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.read(value, (*path, index)) for index, value in enumerate(node.value)]
        try:
            return self.loader.construct_object(node)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            message = f"cannot read '{node.value[:40]}' as {node.tag.removeprefix(_YAML)}; expected text in quotes"
            raise self.origin.error(node.start_mark.line + 1, path, message) from error

    def place(self, node: yaml.Node, key: yaml.Node) -> Place:
        mark, block = key.start_mark, getattr(node, "style", None) in ("|", ">")
        line = 0 if self.origin.override else mark.line + 1
        raw = node.value if isinstance(node, yaml.ScalarNode) else ""
        order = (self.origin.override, mark.line, mark.column)
        return Place(self.origin.name, line, order, raw, node.start_mark.line + block)
