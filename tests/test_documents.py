"""What the documents say of blocks and settings is what there is, and their links lead somewhere."""

import re
from dataclasses import MISSING, fields

import pytest
from pydantic import BaseModel

from experiments.schema import Experiment
from nas.architecture import SHORT
from nas.blocks import KINDS
from nas.blocks.activations import ACTIVATIONS
from nas.blocks.convolution import PADDINGS
from nas.blocks.layers import NORMS
from nas.train.recipe import Recipe
from search_spaces import space_names
from tests.documents import DOCS, defaults, read, rows

BLOCKS = read("blocks.md")
LINKS = [
    (file.name, link)
    for file in sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"])
    for link in re.findall(r"\]\(([^):]+)\)", file.read_text())
]


def anchors(text):
    """What links within a page may name: its headings, as they are spelled in addresses."""
    return {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in re.findall(r"^#.*", text, re.M)
    }


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda part: part)
def test_links_lead_to_files_and_headings(page, link):
    folder = DOCS.parent if page == "README.md" else DOCS
    path, _, anchor = link.partition("#")
    file = folder / (path or page)
    assert file.is_file()
    assert not anchor or anchor in anchors(file.read_text())


def documented_blocks():
    """The options of each block, with defaults as text; None for those that have to be given."""
    found = {}
    for name, _, options in (row for row in rows(BLOCKS.split("## Blocks")[1]) if row[0].startswith("`")):
        known = dict(found[like[1]]) if (like := re.match(r"as `(\w+)`", options)) else {}
        said = re.findall(r"`(\w+)(?:=([\w.-]+))?`", re.sub(r"^as `\w+`", "", options))
        found[name.strip("`")] = known | {option: default or None for option, default in said}
    return found


def test_every_block_stands_there_once_and_no_other():
    assert list(documented_blocks()) == [row[0].strip("`") for row in rows(BLOCKS) if row[0].strip("`") in KINDS]
    assert set(documented_blocks()) == {
        name for name, kind in KINDS.items() if kind.module.__module__.startswith("nas.")
    }


@pytest.mark.parametrize("name", documented_blocks())
def test_every_option_of_a_block_stands_there_with_its_default(name):
    options = {field.name: field.default for field in fields(KINDS[name].options)}
    assert documented_blocks()[name] == {
        option: None if default in (MISSING, "") else f"{default}" for option, default in options.items()
    }


def test_short_options_and_values_stand_there():
    assert {short.strip("`"): long.strip("`") for short, long, _ in rows(BLOCKS) if short.strip("`") in SHORT} == SHORT
    values = re.findall(r"`([\w-]+)`", BLOCKS.split("### Values")[1])
    assert values == [*ACTIVATIONS, *PADDINGS, *NORMS]
    for name in space_names():
        assert f"`{name}`" in BLOCKS


def settings(model, prefix=""):
    """Settings of a section and of those below it, with their defaults."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={"to": ("b0", "b1")})
        if isinstance(default, BaseModel) and name in ("search", "scale", "export"):
            yield from settings(type(default), f"{prefix}{name}.")
        elif name == "train" and isinstance(default, Recipe):
            yield f"{name}.epochs", default.epochs
            yield f"{name}.teacher", default.teacher
        else:
            yield f"{prefix}{name}", default


def spelled(value):
    """A default as YAML has it in one line; empty where there is none to speak of."""
    if isinstance(value, Recipe):
        return f"{{epochs: {value.epochs}}}"
    if isinstance(value, BaseModel):
        return spelled(value.model_dump())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {spelled(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list) and value:
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else "" if value in (None, "", ()) else str(value)


@pytest.mark.parametrize(
    ("key", "default"), list(settings(Experiment)), ids=lambda part: part if isinstance(part, str) else ""
)
def test_every_setting_of_an_experiment_stands_there_with_its_default(key, default):
    said = defaults(read("experiment.md"))[key]
    wanted = {"name": "", "space": "", "data": "", "scale.to": "b0..b7"}.get(key, spelled(default))
    assert said == wanted


def test_no_setting_stands_there_that_an_experiment_does_not_have():
    said = {key for key in defaults(read("experiment.md")) if key.split(".")[0] in Experiment.model_fields}
    assert said == {key for key, _ in settings(Experiment)}
