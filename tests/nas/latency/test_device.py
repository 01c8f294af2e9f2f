"""Device files: the ones that come with the toolkit, and those that cannot be used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nas.errors import InputError
from nas.latency import device_names, find_device, load_device
from nas.latency.device import FOLDER, own_device_names


@pytest.fixture
def content() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "edgetpu-usb.json").read_text())
    return found


def written(folder: Path, content: object) -> Path:
    path = folder / "mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def message(path: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        load_device(path)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", [name for name in device_names() if name != "host"])
def test_device_says_what_it_is(name: str) -> None:
    device = load_device(name)
    file = json.loads((FOLDER / f"{name}.json").read_text())

    assert device.name == name
    assert (device.kind, device.evidence) == ("edgetpu", "estimate")
    assert 0 < device.known_error.median <= device.known_error.worst < 1
    assert device.known_error.networks == len(file["fitted_on"]["networks"])
    assert all(entry["unit"] and entry["from"] for entry in file["constants"].values())


def test_the_device_files_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "devices.md").read_text()
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if block.startswith("format:")]
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)
    devices = [find_device(tmp_path / f"{number}.yaml") for number in range(len(blocks))]
    assert [device.name for device in devices] == ["my-host", "board", "coral", "phone"]


def test_names_are_looked_for_in_the_folder_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "mine.yaml").write_text(
        "format: 1\nname: mine\nkind: host\ntitle: Mine\nevidence: measured\n"
    )
    monkeypatch.chdir(tmp_path)
    assert own_device_names() == ("mine",)
    assert find_device("mine").name == "mine"
    assert "unknown device 'mein'; did you mean 'mine'?" in message("mein")


def test_device_names_are_sorted() -> None:
    assert device_names() == ("edgetpu-pcie", "edgetpu-usb", "edgetpu-usb2", "host")


def test_load_device_reads_a_file_of_ones_own(tmp_path: Path, content: dict[str, Any]) -> None:
    content["name"] = "bench"

    assert load_device(written(tmp_path, content)).name == "bench"


@pytest.mark.parametrize("name", ["mine.json", "mine.yaml"])
def test_load_device_reads_a_file_with_a_byte_order_mark(tmp_path: Path, content: dict[str, Any], name: str) -> None:
    (tmp_path / name).write_text(json.dumps(content), encoding="utf-8-sig")
    assert load_device(tmp_path / name).name == "edgetpu-usb"


def test_load_device_unknown_name() -> None:
    assert message("edgetpu-usbb").startswith("unknown device 'edgetpu-usbb'; did you mean 'edgetpu-usb'?")


def test_load_device_missing_file(tmp_path: Path) -> None:
    assert "cannot be read" in message(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "{", '{"format": 1,}', "[" * 100000, "\x00", "9" * 5000])
def test_load_device_not_json(tmp_path: Path, text: str) -> None:
    assert "device file mine.json: is not JSON" in message(written(tmp_path, text))


@pytest.mark.parametrize("value", [[], 3, None, '"edgetpu"'])
def test_load_device_not_an_object(tmp_path: Path, value: object) -> None:
    assert "expected an object with format, name" in message(written(tmp_path, value))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("format", 2, "device file mine.json: format: found 2; expected 1"),
        ("kind", "gpu", 'kind: found "gpu"; expected "edgetpu"'),
        ("evidence", "measured", 'evidence: found "measured"; expected "estimate"'),
        ("name", "", 'name: found ""; expected one line of text'),
        ("constants", 3, "constants: found 3; expected an object"),
        ("known_error", {}, "known_error: has no median, worst, networks, method"),
    ],
)
def test_load_device_wrong_value(tmp_path: Path, content: dict[str, Any], key: str, value: object, says: str) -> None:
    assert says in message(written(tmp_path, {**content, key: value}))


@pytest.mark.parametrize(("kind", "evidence"), [("edgetpu", "estimate"), ("host", "measured"), ("command", "measured")])
def test_an_unknown_key_names_each_key_that_there_may_be_once(tmp_path: Path, kind: str, evidence: str) -> None:
    content = {"format": 1, "name": "a", "kind": kind, "title": "A", "evidence": evidence, "kee": 1}
    with pytest.raises(InputError, match="unknown key 'kee'") as caught:
        find_device(written(tmp_path, content))
    known = str(caught.value).partition("Known: ")[2].split(", ")
    assert len(known) == len(set(known))
    assert {"format", "name", "kind", "title", "evidence", "note"} < set(known)


@pytest.mark.parametrize("value", [-1, "2", None, True, float("nan"), float("inf"), 10**400, [2]])
def test_load_device_constant_that_is_no_number(tmp_path: Path, content: dict[str, Any], value: object) -> None:
    content["constants"]["bus_ms_per_mib"]["value"] = value

    assert "mine.json: constants.bus_ms_per_mib: found" in message(written(tmp_path, content))


def test_load_device_clock_of_zero(tmp_path: Path, content: dict[str, Any]) -> None:
    content["constants"]["clock_mhz"]["value"] = 0

    assert "constants.clock_mhz: found 0; expected a number above 0, 1e+12 at most" in message(
        written(tmp_path, content)
    )


def test_load_device_constant_missing(tmp_path: Path, content: dict[str, Any]) -> None:
    del content["constants"]["round_trip_ms"]

    assert "constants: has no round_trip_ms" in message(written(tmp_path, content))


def test_load_device_constant_misspelt(tmp_path: Path, content: dict[str, Any]) -> None:
    content["constants"]["clock_mhzz"] = content["constants"].pop("clock_mhz")

    assert "unknown key 'clock_mhzz'; did you mean 'clock_mhz'?" in message(written(tmp_path, content))
