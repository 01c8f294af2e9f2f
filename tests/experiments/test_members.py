"""Which members of a family a space's networks can be scaled to: asked before the search, and of the winner."""

import csv
import json

import pytest

from experiments.context import Context
from experiments.members import require_members, trains_members
from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from experiments.stages.family import run_family
from nas.errors import InputError

YAML = """
name: tiny
data: {limit: 192}
space: |
  input 8x8x1
  stem  conv k3 s2 c{8,16} act=relu6
  PART  conv k3 s2 c8 act=relu6
  END
"""
POOLED, WHOLE = "head pool\n  head dense c10", "head conv k2 c10 padding=valid\n  head flatten"


@pytest.fixture
def loaded(tmp_path):
    """Reads the experiment whose second convolution is in `part`, with changes as `--set` spells them."""

    def loaded(part, *changes, end=POOLED):
        file = tmp_path / "e.yaml"
        file.write_text(YAML.replace("PART", part).replace("END", end))
        return load_experiment(file, changes)

    return loaded


def test_members_asked_for_that_no_network_of_the_space_has_are_refused_with_their_place(loaded):
    experiment = loaded("stem", "scale={to: [b0, b2], train: []}")
    place = r"^--set scale=.*: scale\.to: found b0, b2, which no network of the space can be scaled to: the network"
    with pytest.raises(InputError, match=f"{place} has no stage to repeat, so it cannot be 1.2 times as deep"):
        require_members(experiment, experiment.search_space())


@pytest.mark.parametrize(("part", "changes"), [("stage", ["scale.to=b0..b7"]), ("stem", []), ("stem", ["scale.to=b0"])])
def test_members_that_a_network_has_or_that_nobody_asked_for_are_not(loaded, part, changes):
    experiment = loaded(part, *changes)
    require_members(experiment, experiment.search_space())


@pytest.mark.parametrize(
    ("part", "changes", "trains"),
    [
        ("stage", [], True),
        ("stage", ["scale.train=[]"], False),
        ("stage", ["scale.train=[b0]"], False),
        ("stem", [], False),
    ],
)
def test_batches_are_only_compared_with_the_pictures_where_members_are_trained(loaded, tmp_path, part, changes, trains):
    small = ("data.limit=17", "search.recipe.batch_size=8", "train.batch_size=8")
    experiment = loaded(part, *small, *changes)
    assert trains_members(experiment, experiment.search_space()) is trains
    said = r"scale\.recipe\.batch_size: found 64; expected at most 17, the pictures to train on"
    folder, progress = RunFolder(tmp_path / "run"), RunProgress(1)
    if trains:
        with pytest.raises(InputError, match=said):
            Context.load(experiment, folder, progress)
    else:
        assert len(Context.load(experiment, folder, progress).dataset.train) == 17


class Said(RunProgress):
    """Keeps what is said."""

    def __init__(self):
        super().__init__(1)
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.mark.parametrize(
    ("part", "end", "to", "expected", "why"),
    [
        ("stem", POOLED, "b0..b7", ["b0"], "b1, b2, b3, b4, b5, b6, b7: the network has no stage to repeat"),
        ("stem", POOLED, "[b1]", [], "b1: the network has no stage to repeat"),
        ("stage", POOLED, "b0..b1", ["b0", "b1"], None),
        ("stage", WHOLE, "[b0, b7]", ["b0"], "b7: family member b7: found an output of shape (250,); expected (10,)"),
    ],
)
def test_members_that_the_winner_cannot_be_scaled_to_are_left_out(loaded, tmp_path, part, end, to, expected, why):
    experiment, progress = loaded(part, f"scale={{to: {to}, train: []}}", end=end), Said()
    context = Context.load(experiment, RunFolder(tmp_path / "run"), progress)
    winner = context.space.build(context.space.first())
    made = run_family(context, winner, {"test_accuracy": 0.5})
    with context.path("family.csv").open() as opened:
        assert [row["name"] for row in csv.DictReader(opened)] == expected
    assert [row["name"] for row in made["members"]] == expected
    assert [row["test_accuracy"] for row in made["members"][:1]] == ([0.5] if "b0" in expected else [])
    assert json.dumps(made, allow_nan=False)
    if why is None:
        assert (made["not_scaled"], progress.lines) == ("", [])
    else:
        assert made["not_scaled"] in progress.lines
        assert made["not_scaled"].startswith(f"the winner cannot be scaled to {why}")
