"""Device files: small JSON or YAML, checked on reading, found by name or by path."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from nas.errors import InputError, one_line, unknown
from nas.files import read_text
from nas.latency.command import read_command
from nas.latency.edgetpu_file import read_edgetpu
from nas.latency.host import read_host
from nas.latency.latency import Device
from nas.latency.measuring import MeasuringDevice
from nas.latency.place import HEAD, REMARKS, Place

FORMAT = 1
FOLDER = Path(__file__).parent / "devices"
OWN = Path("devices")  # where names are looked for beside those that come with the toolkit
SUFFIXES = (".json", ".yaml", ".yml")
EVIDENCE = {"edgetpu": "estimate", "fitted": "fitted", "host": "measured", "command": "measured"}  # by kind
MOST_BYTES = 32 * 2**20


def device_names() -> tuple[str, ...]:
    """The devices that come with the toolkit, sorted."""
    return _stems(FOLDER)


def own_device_names() -> tuple[str, ...]:
    """The devices in the folder `devices/` of where the command runs, sorted."""
    return tuple(name for name in _stems(OWN) if name not in device_names())


def _stems(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted({path.stem for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()}))


def load_device(name_or_path: str | Path) -> Device:
    """The device of that name, or in that file, whose milliseconds come from a trace alone.

    Raises `InputError` as `find_device` does, and for a device that has to run the network.
    """
    device = find_device(name_or_path)
    if isinstance(device, MeasuringDevice):
        raise InputError(
            f"device {device.name}: measures files ({device.kind}); expected one that predicts, such as "
            "`nas calibrate` makes of it"
        )
    return device


def find_device(name_or_path: str | Path) -> Device | MeasuringDevice:
    """The device of that name, or the one in a device file of your own.

    A name is one of those that come with the toolkit, or a file's in `devices/`. Anything that
    ends as a file of JSON or YAML does, or names a folder, is a path. Raises `InputError` for an
    unknown name, and for a file that is missing, malformed, of another format or kind, or
    that has a value missing, unknown or out of range.
    """
    return _read(device_file(name_or_path))


def device_file(name_or_path: str | Path) -> Path:
    """The file that a device's name or path stands for; raises `InputError` for an unknown name."""
    text = str(name_or_path)
    if text.endswith(SUFFIXES) or Path(text).name != text:
        return Path(text)
    for folder in (FOLDER, OWN):
        for suffix in SUFFIXES:
            if (file := folder / f"{text}{suffix}").is_file():
                return file
    raise InputError(unknown("device", text, (*device_names(), *own_device_names())))


def _read(path: Path) -> Device | MeasuringDevice:
    place = Place(f"device file {path.name}:")
    content = _content(path)
    if not isinstance(content, dict):
        raise place.wrong(content, f"an object with {', '.join(HEAD)}")
    head = {key: value for key, value in content.items() if key in HEAD}
    place.check_keys(head, HEAD)
    if head["format"] != FORMAT or isinstance(head["format"], bool):
        raise place.at("format").wrong(head["format"], f"{FORMAT}, the one that this version reads")
    kind = place.at("kind").among(head["kind"], tuple(EVIDENCE))
    if head["evidence"] != EVIDENCE[kind]:
        right = f'"{EVIDENCE[kind]}", for that is all this kind gives'
        raise place.at("evidence").wrong(head["evidence"], right)
    name, title = (place.at(key).line(head[key]) for key in ("name", "title"))
    body = {key: value for key, value in content.items() if key not in (*HEAD, *REMARKS)}
    if kind == "command":
        return read_command(name, title, body, place, path.parent)
    return _of_kind(kind, name, title, body, content, place)


def _of_kind(
    kind: str, name: str, title: str, body: dict[str, Any], content: dict[str, Any], place: Place
) -> Device | MeasuringDevice:
    if kind == "edgetpu":
        return read_edgetpu(name, title, body, place)
    if kind == "host":
        return read_host(name, title, body, place)
    from nas.latency.fitted import read_fitted  # brings in the library that it was fitted with

    return read_fitted(content, place)


def _content(path: Path) -> Any:
    """What is in the file, as plain values."""
    with suppress(OSError):  # reading says why
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"device file {path}: is larger than {MOST_BYTES // 2**20} MiB; expected a small file")
    text = read_text(path, "a JSON file", "device file ")
    try:
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # of another form, or too deep
        form = "JSON" if path.suffix == ".json" else "YAML"
        raise InputError(
            f"device file {path.name}: is not {form} ({_said(error)}); expected one object as in devices/"
        ) from error


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg}"
    return one_line(" ".join(str(error).split())) if isinstance(error, yaml.YAMLError) else "not plain text"
