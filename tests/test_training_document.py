"""docs/training.md has every setting of a training, with its default, and a recipe as it was measured."""

import importlib
import re
import shlex
from dataclasses import asdict, fields
from pathlib import Path
from textwrap import dedent

import pytest

from experiments import train_command
from experiments.cli import run
from experiments.sections.data import Data
from nas.blocks import canonical
from nas.train.augment.kinds import KINDS
from nas.train.recipe import OPTIMIZERS, SCHEDULES, Recipe
from tests.documents import DOCS, defaults, read, rows

TEXT = read("training.md")


@pytest.mark.parametrize("setting", fields(Recipe), ids=lambda field: field.name)
def test_every_setting_of_a_recipe_stands_there_with_its_default(setting):
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    assert defaults(TEXT)[setting.name] == str(default).replace("'", "")


@pytest.mark.parametrize("key", Data.model_fields)
def test_every_setting_of_data_stands_there_with_its_default(key):
    default = Data().model_dump()[key]
    assert defaults(TEXT)[f"data.{key}"] == ("" if default in (None, {}) else str(default))


def test_every_optimizer_schedule_and_augmentation_stands_there():
    assert set(OPTIMIZERS) | set(SCHEDULES) <= set(re.findall(r"`(\w+)`", TEXT))
    for name, kind in KINDS.items():
        (row,) = [row for row in rows(TEXT) if row[0] == f"`{name}`"]
        assert dict(re.findall(r"(\w+)=([\d.]+)", row[2])) == {
            option: f"{getattr(kind(), option):g}" for option in kind.ranges
        }


def test_the_recipe_shown_whole_is_the_one_that_was_measured(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(train_command, "train_network", lambda training, *_: asked.append(training) or {})
    monkeypatch.syspath_prepend(DOCS.parent / "benchmarks")
    monkeypatch.chdir(tmp_path)
    section = TEXT.split("### One recipe whole")[1]
    network, command = (dedent(block) for block in re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)[:2])
    Path("mine.yaml").write_text(network)
    assert run([*shlex.split(command.replace("\\\n", ""))[1:], "--json"]) == 0
    measured = importlib.import_module("train_cifar10")
    assert asked[0].architecture == canonical(measured.MOBILENET).text
    assert asdict(asked[0].recipe) == asdict(measured.MOBILENET_ALONE.recipe)
