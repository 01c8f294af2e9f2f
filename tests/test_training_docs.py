"""docs/training.md has every setting of a training, with its default."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from experiments.sections.data import Data
from nas.train.augment.kinds import KINDS
from nas.train.recipe import OPTIMIZERS, SCHEDULES, Recipe

TEXT = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]


def documented():
    """Settings and what is said to be the default of each."""
    found = {}
    for names, default, *_ in ROWS:
        keys = re.findall(r"`([\w.]+)`", names)
        defaults = default.split(", ") if len(keys) > 1 else [default]
        found |= dict(zip(keys, defaults, strict=False))
    return found


@pytest.mark.parametrize("setting", fields(Recipe), ids=lambda field: field.name)
def test_every_setting_of_a_recipe_stands_there_with_its_default(setting):
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    assert documented()[setting.name].strip("`") == str(default).replace("'", "")


@pytest.mark.parametrize("key", Data.model_fields)
def test_every_setting_of_data_stands_there_with_its_default(key):
    default = Data().model_dump()[key]
    assert documented()[f"data.{key}"].strip("`") == ("" if default in (None, {}) else str(default))


def test_every_optimizer_schedule_and_augmentation_stands_there():
    assert set(OPTIMIZERS) | set(SCHEDULES) <= set(re.findall(r"`(\w+)`", TEXT))
    for name, kind in KINDS.items():
        (row,) = [row for row in ROWS if row[0] == f"`{name}`"]
        assert dict(re.findall(r"(\w+)=([\d.]+)", row[2])) == {
            option: f"{getattr(kind(), option):g}" for option in kind.ranges
        }


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", TEXT))
def test_links_lead_to_files(path):
    assert (Path(__file__).parents[1] / "docs" / path).is_file()
