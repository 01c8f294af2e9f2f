"""The search of a run: its objectives, rungs and steps, what it keeps in files, and what goes wrong in trials."""

import json
import shlex
import time
from contextlib import suppress
from types import SimpleNamespace

import jax
import optuna
import pytest
import yaml

from experiments.answers import read_front, read_winner
from experiments.cli import run as nas
from experiments.context import Context
from experiments.progress import RunProgress
from experiments.report import write_report
from experiments.run_folder import RunFolder
from experiments.schema import load_experiment
from experiments.stages.search import run_search
from experiments.stages.trial import checkpoint_name, train_trial
from experiments.stages.winner import write_winner
from experiments.time_limit import TookTooLong, within
from nas.errors import InputError
from nas.search.facts import facts
from nas.search.pareto import dominates
from nas.search.record import read_records
from nas.train import TrainingFailed
from tests.studies import storage_in

YAML = """
name: tiny
data: {limit: 192}
space: |
  input 8x8x1
  stem  conv k3 s1 c8 act=relu6
  stage {mbconv,conv} k3 s2 e2 c{8,16} x{1,2} act=relu6
  head  pool
  head  dense c10
search:
  sampler: random
  architectures: 6
  limits: {edgetpu-usb: 0.4, params: 3000, peak_memory: 20000}
  objectives: [accuracy, latency, {tradeoff: hard, over: params, target: 2000}]
  choose: latency
  steps: [facts, deduplicate, {zero_cost: macs, keep: 0.9}, limits, train, record]
  rungs: {kind: halving, factor: 2}
  recipe: {epochs: 3, batch_size: 32}
"""


@pytest.fixture(scope="module", autouse=True)
def _quickly():
    """What is compiled here runs a few steps."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


class Watched(RunProgress):
    """Looks at the folder as another process would, at each trial that ends."""

    def __init__(self):
        super().__init__(1)
        self.folder, self.seen = None, []

    def say(self, text):
        if text.startswith("trial") and " trained " in text:
            self.seen.append((read_winner(self.folder), read_front(self.folder)))


@pytest.fixture
def opened(tmp_path):
    """Opens the experiment, with changes as `--set` spells them, in a folder that is claimed until the test ends."""
    claimed = []

    def opened(*changes):
        file = tmp_path / "e.yaml"
        file.write_text(YAML)
        experiment = load_experiment(file, changes)
        claimed.append(RunFolder.claim(tmp_path / "run", experiment))
        progress = Watched()
        progress.folder = tmp_path / "run"
        return Context.load(experiment, claimed[-1], progress)

    yield opened
    for folder in claimed:
        folder.__exit__(None, None, None)


def what_was_kept(context):
    """The records of the trials, the trials themselves, and the directions of the objectives."""
    with storage_in(context.folder.path) as storage:
        study = optuna.load_study(storage=storage, study_name="tiny")
        return read_records(study), study.get_trials(), study.directions


def test_several_objectives_have_a_front_that_is_right_at_any_moment(opened, capsys):
    context = opened()
    winner = run_search(context)
    records, trials, directions = what_was_kept(context)
    names = ["accuracy", "edgetpu-usb", "accuracy over params"]
    assert [direction.name for direction in directions] == ["MAXIMIZE", "MINIMIZE", "MAXIMIZE"]
    trained = {r.number: r for r in records if r.outcome == "trained"}
    assert {r.outcome for r in records} >= {"trained", "infeasible", "pruned"}

    front = read_front(context.folder.path)
    assert front["objectives"] == names
    points = {
        number: (r.accuracy, -r.facts.latency_ms["edgetpu-usb"], trials[number].values[2])
        for number, r in trained.items()
    }
    unbeaten = {n for n, point in points.items() if not any(dominates(other, point) for other in points.values())}
    assert {row["trial"] for row in front["front"]} == unbeaten
    assert winner.number in unbeaten
    assert winner.facts.latency_ms["edgetpu-usb"] == min(r.facts.latency_ms["edgetpu-usb"] for r in trained.values())
    for record in trained.values():
        assert record.facts.params <= 3000
        assert record.facts == facts(record.architecture, context.devices)
        over = record.facts.params > 2000
        value = record.accuracy * (record.facts.params / 2000) ** -(1.0 if over else 0.0)
        assert trials[record.number].values[2] == pytest.approx(value)
    broken = next(r for r in records if r.outcome == "infeasible")
    assert broken.reason == f"{broken.facts.params:,} params over the limit of 3,000"
    assert trials[broken.number].constraints["params"] == (broken.facts.params - 3000) / 3000

    assert len(context.progress.seen) == len(trained)
    for found, ahead in context.progress.seen:
        assert found["trial"] in {row["trial"] for row in ahead["front"]}
        assert found["search"]["ended"] is False
    assert nas(["winner", str(context.folder.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trial"] == winner.number
    assert nas(["front", str(context.folder.path)]) == 0
    assert f"{len(trained)} trained; the search has not ended" in capsys.readouterr().out
    page = write_report(context.folder.path).read_text()
    assert "better than one of these in one objective" in page
    assert "ended early" in page


def test_one_objective_may_be_the_accuracy_as_int8(opened):
    context = opened(
        "search.architectures=1",
        "search.objectives=[int8_accuracy]",
        "search.choose=null",
        "search.rungs=null",
        "search.limits={edgetpu-usb: 1}",
    )
    winner = run_search(context)
    written = yaml.safe_load(context.path("winner.yaml").read_text())
    assert written["objectives"] == {"int8_accuracy": winner.scores["int8_accuracy"]}
    right = winner.scores["int8_accuracy"] * len(context.dataset.validation.labels)
    assert right == pytest.approx(round(right))
    assert winner.scores["accuracy"] == winner.accuracy
    (trial,) = what_was_kept(context)[1]
    assert trial.value == winner.scores["int8_accuracy"]


def test_a_limit_that_nothing_meets_names_the_smallest(opened):
    with pytest.raises(InputError, match=r"search\.limits\.params: found 100, .*; the smallest found has \d+: "):
        run_search(opened("search.limits={params: 100}"))


def test_a_tradeoff_without_a_target_is_refused(opened):
    with pytest.raises(InputError, match=r"search\.objectives: 'accuracy over macs' has no target, and macs no limit"):
        opened("search.objectives=[{tradeoff: soft, over: macs}]", "search.choose=null")


def test_a_trial_taken_up_again_is_judged_from_its_first_epoch(opened):
    class Killed(BaseException):
        pass

    def dies(epoch, _accuracy):
        if epoch == 2:
            raise Killed
        return True

    context, asked = opened(), {}
    architecture = next(iter(context.space.alternatives()))
    with pytest.raises(Killed):
        train_trial(context, 3, architecture, dies)
    ended = train_trial(context, 3, architecture, lambda epoch, reached: asked.setdefault(epoch, reached) is not None)
    assert list(asked) == [1, 2, 3]
    assert (ended.accuracy, ended.stopped) == (asked[3], False)
    context.folder.drop_checkpoints(checkpoint_name(3))
    assert train_trial(context, 3, architecture, lambda *_: True) == ended
    stopped = train_trial(context, 3, architecture, lambda epoch, _reached: epoch < 2)
    assert (stopped.accuracy, stopped.stopped) == (asked[2], True)


# The signal may come while Python collects garbage, which reports what is raised there instead of passing it on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_trial_that_takes_too_long_has_failed(opened):
    context = opened("search.trial_minutes=0.0001")
    ended = train_trial(context, 0, next(iter(context.space.alternatives())), lambda *_: True)
    assert (ended.accuracy, ended.reason) == (None, "took longer than 0.0001 minutes, the most of search.trial_minutes")


@pytest.mark.parametrize("error", [MemoryError(), jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")])
def test_a_trial_that_runs_out_of_memory_has_failed(opened, monkeypatch, error):
    def train(*_):
        raise error

    context = opened()
    monkeypatch.setattr(Context, "train", train)
    ended = train_trial(context, 0, next(iter(context.space.alternatives())), lambda *_: True)
    assert (ended.accuracy, ended.reason) == (None, "ran out of memory")


@pytest.mark.parametrize(
    ("error", "where", "said"),
    [
        (TookTooLong(), "search.trial_minutes: ", "; expected more minutes, or fewer epochs in search.recipe (see "),
        (MemoryError(), "search.recipe: ", "; expected a recipe such as one of a smaller batch_size (see "),
        (
            TrainingFailed("the loss became nan at step 1 of epoch 1, at a learning rate of 9"),
            "search.recipe: ",
            "a learning rate of 9; expected a recipe such as one of a lower learning_rate (see ",
        ),
        (
            TrainingFailed("cannot be measured as int8: expected other weights"),
            "search.recipe: ",
            "the last: cannot be measured as int8: expected other weights (see ",
        ),
    ],
)
def test_where_every_trial_fails_the_advice_is_for_the_reason(opened, monkeypatch, error, where, said):
    def train(*_):
        raise error

    context = opened("search.architectures=1", "search.trial_minutes=5")
    monkeypatch.setattr(Context, "train", train)
    with pytest.raises(InputError) as complaint:
        run_search(context)
    assert f"{where}none of 1 trials was trained, 1 failed, the last: " in str(complaint.value)
    assert said in str(complaint.value)


def test_within_ends_what_takes_too_long_and_nothing_else():
    with within(None), within(60):
        pass
    with pytest.raises(TookTooLong), within(0.02):
        time.sleep(30)
    with pytest.raises(TookTooLong), within(0.02), suppress(TookTooLong):
        time.sleep(30)


@pytest.mark.parametrize("command", ["winner", "front"])
def test_a_folder_without_an_answer_is_refused(command, tmp_path, capsys):
    assert nas([command, str(tmp_path)]) == 2
    assert "is no run's folder; expected one that `nas run` has made or is making" in capsys.readouterr().err
    (tmp_path / "experiment.yaml").write_text(YAML)
    assert nas([command, str(tmp_path)]) == 2
    said = f"has no {command} yet (0 trials have ended, 0 of them trained); expected a run that got so far"
    assert said in capsys.readouterr().err
    (tmp_path / ("winner.yaml" if command == "winner" else "front.csv")).write_text("number,accuracy\n1,x\n")
    assert nas([command, str(tmp_path)]) == 2
    assert "expected the file as the run wrote it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,ab,0.1,0.28", "found 4 fields; expected 5, one for each column"),
        ("1,ab,0.1,0.28,head pool,1", "found 6 fields; expected 5, one for each column"),
        ("1,ab,high,0.28,head pool", "accuracy is 'high'; expected a finite number"),
        ("1,ab,nan,0.28,head pool", "accuracy is 'nan'; expected a finite number"),
        ("one,ab,0.1,0.28,head pool", "number is 'one'; expected a finite number"),
    ],
)
def test_a_front_that_is_damaged_names_the_line(row, said, tmp_path, capsys):
    (tmp_path / "experiment.yaml").write_text(YAML)
    whole = "number,digest,accuracy,edgetpu-usb,architecture\n0,ab,0.1,0.28,head pool\n"
    (tmp_path / "front.csv").write_text(f"{whole}{row}\n")
    assert nas(["front", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nas front: {tmp_path / 'front.csv'} line 3: {said}")


def test_the_commands_in_winner_yaml_suit_a_shell(tmp_path):
    folder = tmp_path / "r 3ü"
    context = SimpleNamespace(
        folder=SimpleNamespace(path=folder),
        path=lambda name: folder / name,
        experiment=SimpleNamespace(name="a"),
        evidence={},
        objectives=(),
    )
    facts = SimpleNamespace(latency_ms={}, params=1, macs=1)
    architecture = SimpleNamespace(text="head dense c2")
    record = SimpleNamespace(facts=facts, architecture=architecture, number=0, digest="", accuracy=0.5, scores={})
    write_winner(context, record)
    how = yaml.safe_load((folder / "winner.yaml").read_text())["how"]
    words = [shlex.split(command)[2] for command in how.values()]
    assert words == [str(folder / "winner.yaml"), str(folder / "winner.yaml"), str(folder)]
