"""Experiments: what they read as, what is refused and how it is said, what decides their identity."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError, model_validator

from experiments.complaints import first_complaint
from experiments.schema import load_experiment
from experiments.sections.scale import MEMBERS
from experiments.sections.section import RecipeSection
from experiments.yaml_source import read_file
from nas.errors import InputError
from search_spaces.zoo import zoo_names

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SPACE = "space: |\n  input 8x8x1\n  head pool\n  head dense c10\n"
LEAST = f"name: a\n{SPACE}"
GOOD = """\
name: tiny
seed: 3
data:
  dataset: digits
  validation: 0.15
space: |
  input 16x16x1
  stem  conv k3 s1 c8 act=relu6
  stage {mbconv,conv} k{3,5} s2 e2 c{8,16} act=relu6
  head  pool
  head  dense c10
search:
  sampler: random
  architectures: 6
  trained: 2
  limits:
    edgetpu-usb: 0.5
train:
  epochs: 3
  optimizer: sgd
  augment: [shift]
scale:
  to: b0..b2
  train: [b0]
export:
  formats: [float32, int8]
"""
SEED = "an integer from 0 to 4294967295"


@pytest.fixture
def write(tmp_path):
    """Writes an experiment's file."""

    def write(text):
        path = tmp_path / "e.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refusal(path, *overrides):
    """The message of the error, without the folder; it is always one line."""
    with pytest.raises(InputError) as caught:
        load_experiment(path, overrides)
    message = str(caught.value)
    assert message.isprintable()
    return message.replace(f"{path.parent}{os.sep}", "")


def edited(old, new):
    assert GOOD.count(old) == 1, f"{old!r} marks no single place"
    return GOOD.replace(old, new)


def test_load_reads_every_section(write):
    experiment = load_experiment(write(GOOD))
    assert (experiment.name, experiment.seed) == ("tiny", 3)
    assert (experiment.data.dataset, experiment.data.validation) == ("digits", 0.15)
    assert experiment.space.splitlines()[-1] == "head  dense c10"
    assert (experiment.search.sampler, experiment.search.architectures, experiment.search.trained) == ("random", 6, 2)
    assert experiment.search.limits == {"edgetpu-usb": 0.5}
    assert (experiment.train.epochs, experiment.train.optimizer, experiment.train.augment) == (3, "sgd", ("shift",))
    assert (experiment.scale.to, experiment.scale.train) == (("b0", "b1", "b2"), ("b0",))
    assert experiment.export.formats == ("float32", "int8")


def test_load_has_defaults_for_all_but_name_and_space(write):
    experiment = load_experiment(write(LEAST))
    assert experiment.data.model_dump() == {
        "dataset": "digits",
        "data_dir": None,
        "validation": 0.15,
        "test": 0.2,
        "splits": {},
        "limit": None,
        "channels": None,
        "resize": "crop",
        "normalise": None,
        "unreadable": 0.01,
        "memory": 0.25,
    }
    assert (experiment.search.architectures, experiment.search.trained, experiment.search.minutes) == (40, None, None)
    assert (experiment.scale.to, experiment.scale.train) == (MEMBERS, ("b0", "b1"))
    assert experiment.search.recipe.epochs < experiment.scale.recipe.epochs < experiment.train.epochs
    assert experiment.out is None


def test_normalisation_is_the_first_layer_of_every_network(write):
    space = load_experiment(write(LEAST), ["data.normalise={mean: [0.5], std: [0.25]}"]).search_space()
    for architecture in space.alternatives():
        assert str(architecture.layers[0]) == "prepare normalise mean=0.5 std=0.25"


@pytest.mark.parametrize("role", [("search", "recipe"), ("scale", "recipe"), ("train",)])
def test_load_keeps_the_epochs_of_a_role_whose_recipe_says_something_else(write, role):
    path = write(LEAST)
    before, after = load_experiment(path), load_experiment(path, [f"{'.'.join(role)}.batch_size=7"])
    for key in role:
        before, after = getattr(before, key), getattr(after, key)
    assert (after.batch_size, after.epochs) == (7, before.epochs)


def test_load_trains_by_default_the_members_that_there_are(write):
    assert load_experiment(write(LEAST), ["scale.to=b1..b3"]).scale.train == ("b1",)
    assert load_experiment(write(LEAST), ["scale.to=lite0..lite2"]).scale.train == ()


def test_load_takes_integers_for_numbers(write):
    assert load_experiment(write(GOOD), ["search.limits.edgetpu-usb=2"]).search.limits == {"edgetpu-usb": 2.0}


def test_load_follows_aliases_and_merges(write):
    text = f"{LEAST}train: &usual\n  epochs: 9\n  batch_size: 8\nscale:\n  recipe:\n    <<: *usual\n    epochs: 4\n"
    recipe = load_experiment(write(text)).scale.recipe
    assert (recipe.epochs, recipe.batch_size) == (4, 8)


def test_load_reads_a_byte_order_mark_and_windows_lines(write):
    assert load_experiment(write(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())) == load_experiment(write(GOOD))


def test_load_expands_the_home_of_folders(write, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    experiment = load_experiment(write(LEAST), ["data.data_dir=~/pictures", "out='~/run'"])
    assert (experiment.data.data_dir, experiment.out) == (Path("/somewhere/pictures"), Path("/somewhere/run"))


def test_the_projects_experiments_are_valid():
    files = sorted((ROOT / "experiments").glob("*.yaml"))
    assert {file.stem for file in files} >= {"quickstart", "cifar10_edgetpu"}
    for file in files:
        experiment = load_experiment(file)
        assert experiment.name == file.stem
        assert experiment.search_space().size > 1000 or experiment.space in zoo_names()


def table(name):
    """The cases of a text file: lines, parted by an empty one, the first of which names the case."""
    text = "\n".join(line for line in (HERE / name).read_text().splitlines() if not line.startswith("#"))
    cases = [block.splitlines() for block in text.strip().split("\n\n")]
    return [
        pytest.param(*(edit[2:].encode().decode("unicode_escape") for edit in edits), message, id=case)
        for case, *edits, message in cases
    ]


@pytest.mark.parametrize(("old", "new", "message"), table("mistakes_in_files.txt"))
def test_mistake_in_a_file_is_named_with_line_and_key(write, old, new, message):
    assert refusal(write(edited(old, new))) == message


@pytest.mark.parametrize(("override", "message"), table("mistakes_in_overrides.txt"))
def test_mistake_in_an_override_is_named_with_it(write, override, message):
    assert refusal(write(GOOD), override) == message


def test_missing_file_is_said(tmp_path):
    assert refusal(tmp_path / "e.yaml") == "e.yaml: does not exist; expected a YAML file"


def test_folder_is_no_experiment(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path.name}: is not a file; expected a YAML file"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_file_that_may_not_be_read_is_said(write):
    path = write(GOOD)
    path.chmod(0)
    assert refusal(path) == "e.yaml: cannot be read (Permission denied); expected a readable YAML file"


def test_file_name_that_cannot_be_is_said(tmp_path):
    path = tmp_path / ("x" * 300)
    assert refusal(path).endswith("cannot be read (File name too long); expected a readable YAML file")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_file_is_said(write, text):
    assert refusal(write(text)) == "e.yaml: is empty; expected an experiment, with at least the keys name and space"


@pytest.mark.parametrize("text", ["just words\n", "- name: a\n", "3\n"])
def test_file_without_keys_is_said(write, text):
    message = refusal(write(text))
    assert message == "e.yaml: holds no keys; expected an experiment, with at least the keys name and space"


def test_bytes_that_are_no_text_are_said(write):
    expected = "e.yaml line 2: found the byte 0xff, which is no UTF-8; expected text in UTF-8"
    assert refusal(write(b"name: a\nseed: \xff\n")) == expected


def test_aliases_that_multiply_are_refused(write):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    assert refusal(write(bomb)) == "e.yaml line 5: e: holds more than 10000 values; expected settings"


def test_nesting_without_end_is_refused(write):
    assert refusal(write("a: " + "[" * 5000)) == "e.yaml line 1: is nested too deep; expected sections of keys"


def test_long_file_is_refused(write):
    assert refusal(write("#" * 1_000_001)) == "e.yaml: is longer than 1000000 bytes; expected a file of settings"


def test_long_value_is_shortened(write):
    message = refusal(write(GOOD), f"seed={list(range(1000))}").split("seed: ")[1]
    assert message == f"found [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...; expected {SEED}"


def test_first_mistake_by_line_is_the_one_said(write):
    text = edited("seed: 3", "seed: -1").replace("epochs: 3", "epochs: 0").replace("sgd", "adan")
    assert refusal(write(text), "name=a b").startswith("e.yaml line 2: seed: ")
    assert refusal(write(text), "seed=1", "name=a b").startswith("e.yaml line 19: train.epochs: ")
    assert refusal(write(text), "seed=1", "train.epochs=1", "name=a b").startswith("e.yaml line 20: train.optimizer: ")
    assert refusal(write(GOOD), "train.epochs=0", "name=a b").startswith("--set train.epochs=0: train.epochs: ")


def test_mistakes_in_a_recipe_are_said_in_the_order_of_the_file(write):
    text = edited("epochs: 3\n  optimizer: sgd", "optimizer: adan\n  epochs: 0")
    assert refusal(write(text)).startswith("e.yaml line 19: train.optimizer: ")


def test_misspelled_key_is_said_before_the_missing_one(write):
    text = GOOD.replace("name: tiny\n", "").replace("seed: 3", "seed: 3\nnme: tiny")
    assert refusal(write(text)).startswith("e.yaml line 2: nme: unknown key 'nme'; did you mean 'name'?")


def test_mistake_behind_an_alias_is_where_it_is_written(write):
    text = f"{LEAST}search:\n  recipe: &usual\n    batch_size: 8\ntrain:\n  <<: *usual\n  epochs: 0\n"
    assert refusal(write(text)) == "e.yaml line 11: train.epochs: found 0; expected 1 to 100000"


def test_mistake_about_several_values_is_said_of_their_section(write):
    class Pair(BaseModel):
        low: int
        high: int

        @model_validator(mode="after")
        def in_order(self):
            if self.low > self.high:
                raise InputError(f"found low {self.low} above high {self.high}; expected at most {self.high}")
            return self

    class Pairs(BaseModel):
        pair: Pair

    document = read_file(write("\npair: {low: 3, high: 2}\n"))
    with pytest.raises(ValidationError) as caught:
        Pairs.model_validate(document.values)
    message = str(first_complaint(caught.value, document, Pairs.model_json_schema()))
    assert message.endswith("e.yaml line 2: pair: found low 3 above high 2; expected at most 2")


def test_override_takes_the_place_of_what_the_file_says(write):
    path = write(edited("seed: 3", "seed: wrong"))
    overrides = ["seed=4", "search.limits.edgetpu-pcie=0.3", "search.recipe.epochs=1", "train.augment=[]", "seed=5"]
    experiment = load_experiment(path, overrides)
    assert experiment.seed == 5
    assert experiment.search.limits == {"edgetpu-usb": 0.5, "edgetpu-pcie": 0.3}
    assert experiment.search.recipe.epochs == 1
    assert experiment.train.augment == ()
    assert experiment.where("search", "recipe") == "--set search.recipe.epochs=1: search.recipe"


def test_override_of_a_section_replaces_it_whole(write):
    experiment = load_experiment(write(GOOD), ["search.limits={edgetpu-pcie: 0.3}", "data={}"])
    assert experiment.search.limits == {"edgetpu-pcie": 0.3}
    assert experiment.data == load_experiment(write(LEAST)).data


def test_override_leaves_the_file_alone(write):
    path = write(GOOD)
    load_experiment(path, ["seed=4"])
    assert path.read_text() == GOOD


def test_where_names_the_line_or_the_nearest_one(write):
    experiment = load_experiment(write(GOOD), ["data.test=0.1"])
    assert experiment.where("search", "limits", "edgetpu-usb").endswith("e.yaml line 17: search.limits.edgetpu-usb")
    assert experiment.where("search", "recipe", "epochs").endswith("e.yaml line 12: search.recipe.epochs")
    assert experiment.where("data", "test") == "--set data.test=0.1: data.test"


@pytest.mark.parametrize("start", ["space: |\n", "space: |  # choices\n\n  # more\n", "space:\n  |\n"])
def test_mistake_in_the_space_is_named_by_the_line_of_the_file(write, start):
    text = edited("space: |\n", start).replace("k{3,5}", "k{3,5")
    line = next(number for number, line in enumerate(text.splitlines(), start=1) if "k{3,5" in line)
    with pytest.raises(InputError, match=rf"e\.yaml line {line}: cannot read 'k\{{3,5'"):
        load_experiment(write(text)).search_space()


def test_space_is_read_from_the_file_or_by_name(write):
    written = load_experiment(write(GOOD)).search_space()
    assert written.size == 2 * 2 * 2
    named = load_experiment(write(GOOD), ["space=edge-tiny"])
    assert named.space == "edge-tiny"
    assert named.search_space().size > 1000


@pytest.mark.parametrize("text", [GOOD, LEAST, GOOD.replace("pool\n", "pool  # \u00e4 \n\n")])
def test_to_yaml_reads_back_to_an_equal_experiment(write, text):
    overrides = ["out=somewhere", "data.data_dir=/d", "train.learning_rate=0.00001", "name='007'"]
    experiment = load_experiment(write(text), overrides)
    again = load_experiment(write(experiment.to_yaml()))
    assert again == experiment
    assert again.digest == experiment.digest
    assert again.to_yaml() == experiment.to_yaml()


def test_to_yaml_is_plain_and_keeps_the_space_readable(write):
    text = load_experiment(write(GOOD)).to_yaml()
    assert "space: |\n  input 16x16x1\n" in text
    assert "to: [b0, b1, b2]" in text
    assert yaml.safe_load(text)["train"]["epochs"] == 3


def test_experiments_differ_where_their_settings_do(write):
    experiment = load_experiment(write(GOOD))
    assert load_experiment(write(GOOD), ["seed=3"]) == experiment
    assert load_experiment(write(GOOD), ["seed=4"]) != experiment


@pytest.mark.parametrize(
    "override",
    ["name=b", "seed=4", "data.limit=100", "search.trained=3", "search.limits.edgetpu-usb=0.6", "train.epochs=4",
     "search.recipe.epochs=1", "scale.train=[]", "export.calibration_images=9", "space=edge-tiny"],
)  # fmt: skip
def test_digest_changes_with_what_decides_the_results(write, override):
    assert load_experiment(write(GOOD), [override]).digest != load_experiment(write(GOOD)).digest


@pytest.mark.parametrize("override", ["out=elsewhere", "data.data_dir=/d", "data.test=0.2", "scale.to=[b0, b1, b2]"])
def test_digest_stays_with_what_does_not(write, override):
    assert load_experiment(write(GOOD), [override]).digest == load_experiment(write(GOOD)).digest


def test_digest_ignores_comments_and_spacing_of_the_space(write):
    commented = edited("  head  pool", "  # the end\n\n  head pool   # one window")
    assert load_experiment(write(commented)).digest == load_experiment(write(GOOD)).digest
    assert load_experiment(write(edited("  head  pool\n", ""))).digest != load_experiment(write(GOOD)).digest


def test_experiment_is_frozen(write):
    experiment = load_experiment(write(GOOD))
    with pytest.raises(ValidationError):
        experiment.seed = 4
    with pytest.raises(ValidationError):
        experiment.search.trained = 4


def test_recipe_checks_its_values_one_by_one():
    with pytest.raises(ValidationError) as caught:
        RecipeSection(epochs=0, ema=2)
    assert [details["loc"] for details in caught.value.errors()] == [("epochs",), ("ema",)]


def test_importing_the_schema_is_light():
    code = "import sys, experiments.schema; print({'jax', 'tensorflow', 'optuna'} & set(sys.modules) or 'light')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "light\n"
