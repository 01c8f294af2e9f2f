"""Device files: small JSON, checked on reading, found by name or by path."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nas.errors import InputError, unknown
from nas.latency.edgetpu import Constants, EdgeTPU
from nas.latency.latency import Device, KnownError

FORMAT = 1
LARGEST = 1e12  # no constant comes near
FOLDER = Path(__file__).parent / "devices"
POSITIVE = ("clock_mhz", "elements_per_tile_cycle", "parameter_memory_mib")  # the rest may be 0

_KEYS = ("format", "name", "kind", "title", "evidence", "note", "constants", "fitted_on", "known_error")
_ERROR_KEYS = ("median", "worst", "networks", "method")


@dataclass(frozen=True)
class _Place:
    """Where in a device file a value stands, for error messages."""

    path: str

    def at(self, key: str) -> "_Place":
        return _Place(f"{self.path} {key}" if self.path.endswith(":") else f"{self.path}.{key}")

    def wrong(self, found: Any, right: str) -> InputError:
        shown = json.dumps(found, default=str)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return InputError(f"{self.path.removesuffix(':')}: found {shown}; expected {right}")


def device_names() -> tuple[str, ...]:
    """The devices that come with the toolkit, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def load_device(name_or_path: str | Path) -> Device:
    """The device of that name, or the one in a device file of your own.

    Anything that ends in `.json` or names a folder is a path. Raises `InputError` for an
    unknown name, and for a file that is missing, malformed, of another format or kind, or
    that has a constant missing, unknown, negative or not a number.
    """
    text = str(name_or_path)
    if not text.endswith(".json") and Path(text).name == text:
        if text not in device_names():
            raise InputError(unknown("device", text, device_names()))
        return _read(FOLDER / f"{text}.json")
    return _read(Path(text))


def _read(path: Path) -> Device:
    place = _Place(f"device file {path.name}:")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"device file {path}: cannot be read ({error.strerror}); expected a JSON file") from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or too deep
        line = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "not plain text"
        raise InputError(
            f"device file {path.name}: is not JSON ({line}); expected one object as in devices/"
        ) from error
    _check_keys(content, _KEYS, place)
    if content["format"] != FORMAT:
        raise place.at("format").wrong(content["format"], f"{FORMAT}, the one that this version reads")
    if content["kind"] != "edgetpu":
        raise place.at("kind").wrong(content["kind"], '"edgetpu"')
    if content["evidence"] != "estimate":
        raise place.at("evidence").wrong(content["evidence"], '"estimate", for that is all this kind gives')
    for key in ("name", "title"):
        if not isinstance(content[key], str) or not content[key] or "\n" in content[key]:
            raise place.at(key).wrong(content[key], "one line of text")
    return EdgeTPU(
        content["name"],
        content["title"],
        _constants(content["constants"], place.at("constants")),
        _known_error(content["known_error"], place.at("known_error")),
    )


def _constants(content: Any, place: _Place) -> Constants:
    names = tuple(item.name for item in fields(Constants))
    _check_keys(content, names, place)
    values = {}
    for name in names:
        here = place.at(name)
        _check_keys(content[name], ("value", "unit", "from"), here)
        values[name] = _number(content[name]["value"], here, positive=name in POSITIVE)
    return Constants(**values)


def _known_error(content: Any, place: _Place) -> KnownError:
    _check_keys(content, _ERROR_KEYS, place)
    return KnownError(
        _number(content["median"], place.at("median")),
        _number(content["worst"], place.at("worst")),
        int(_number(content["networks"], place.at("networks"), positive=True)),
        str(content["method"]),
    )


def _number(found: Any, place: _Place, positive: bool = False) -> float:
    usable = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= LARGEST
    if usable and (found > 0 or not positive):
        return float(found)
    raise place.wrong(found, "a number above 0" if positive else "a number, 0 or more")


def _check_keys(content: Any, keys: tuple[str, ...], place: _Place) -> None:
    if not isinstance(content, dict):
        raise place.wrong(content, f"an object with {', '.join(keys)}")
    for key in content:
        if key not in keys:
            raise InputError(f"{place.path.removesuffix(':')}: {unknown('key', key, keys)}")
    missing = [key for key in keys if key not in content]
    if missing:
        raise InputError(f"{place.path.removesuffix(':')}: has no {', '.join(missing)}; expected {', '.join(keys)}")
