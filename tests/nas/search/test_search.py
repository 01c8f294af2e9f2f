import csv
from contextlib import nullcontext

import optuna
import pytest
from optuna.trial import TrialState

from nas.errors import InputError
from nas.latency import OutOfReach
from nas.search.best import best
from nas.search.budget import Budget
from nas.search.choices import suggest
from nas.search.facts import Limits
from nas.search.feasible import require_feasible
from nas.search.record import read_records
from nas.search.search import REPEATS_BEFORE_RANDOM
from nas.search.table import write_trials
from search_spaces import SearchSpace
from tests.nas.search.assembled import (
    DEVICE,
    SPACE,
    Failed,
    LastFirst,
    assemble,
    every,
    make_search,
    make_study,
    milliseconds,
    score,
    trainer_of,
)
from tests.studies import storage_in


@pytest.fixture(scope="module")
def middle():
    """A limit that about half of the space meets."""
    found = sorted(map(milliseconds, every()))
    return found[len(found) // 2]


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_what_breaks_the_limit_is_never_trained(middle):
    trained = []
    search = make_search(middle, train=lambda _number, a: trained.append(a) or score(a))
    records = list(search.run())
    infeasible = [r for r in records if r.outcome == "infeasible"]
    assert infeasible
    assert trained
    assert all(milliseconds(a) <= middle for a in trained)
    assert all(r.facts.latency_ms[DEVICE.name] > middle for r in infeasible)
    assert f"over the limit of {middle:g} ms" in infeasible[0].reason
    states = {t.number: t.state for t in search.study.get_trials()}
    assert all(states[r.number] == TrialState.PRUNED for r in infeasible)
    assert all(search.study.get_trials()[r.number].constraints[DEVICE.name] > 0 for r in infeasible)


def test_equal_architectures_are_trained_once(middle):
    trained = []
    records = list(make_search(middle * 9, train=lambda _number, a: trained.append(a.digest) or 0.5).run())
    assert len(trained) == len(set(trained)) == 20
    for record in (r for r in records if r.outcome == "duplicate"):
        original = records[record.duplicate_of]
        assert original.digest == record.digest
        assert (original.accuracy, original.outcome) == (record.accuracy, "trained")


def test_budget_counts_distinct_architectures(middle):
    records = list(make_search(middle).run())
    assert len({r.digest for r in records}) == 20
    assert [r.number for r in records] == list(range(len(records)))


def test_budget_may_count_trainings_or_minutes(middle):
    search = make_search(middle)
    search.budget = Budget(1000, trained=3)
    assert sum(r.outcome == "trained" for r in search.run()) == 3
    seconds = sum(r.seconds for r in read_records(search.study))
    assert Budget(1000, minutes=1e-9).spent(0, 0, seconds)
    assert not Budget(1000, minutes=60).spent(0, 0, seconds)


def test_a_space_smaller_than_the_budget_ends():
    space = SearchSpace.parse("input 8x8x1\nstage conv k3 c{4,8}\nhead dense c2")
    search = make_search(100.0, train=lambda _number, _architecture: 0.5, architectures=1000, space=space)
    assert len({r.digest for r in search.run()}) == 2


def test_a_space_ends_in_any_order_of_steps():
    space = SearchSpace.parse("input 8x8x1\nstage conv k3 c{4,8,512}\nhead dense c2")
    limit = max(milliseconds(a) for a in every(space)) * 0.99
    search = make_search(limit, train=lambda _number, _a: 0.5, architectures=1000, space=space)
    deduplicate, facts, limits, train = search.steps
    search.steps = [facts, limits, deduplicate, train]
    records = list(search.run())
    assert len({r.digest for r in records}) == 3
    assert sum(r.outcome == "infeasible" for r in records) > 1  # the same again, which ends the search too


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_grid_is_tried_whole_and_then_ends(monkeypatch, capacity):
    monkeypatch.setattr("nas.search.search.REPEATS_BEFORE_END", 4)
    space = SearchSpace.parse(
        "input 8x8x1\nstem conv k3 c4\nstage {mbconv,conv,max_pool} k{3,5} s2 e{2,4} c{8,16}\nhead dense c2"
    )
    networks = every(space)
    study = make_study()
    for _ in range(3):
        study.enqueue_trial({name: values[0] for name, values in space.choices.items()})
    search = make_search(
        100.0,
        study=study,
        trainer=LastFirst(capacity, lambda _number, _architecture: 0.5),
        architectures=1000,
        space=space,
        sampler="grid",
    )
    records = list(search.run())
    assert {r.digest for r in records} == {a.digest for a in networks}
    assert len({tuple(t.params.items()) for t in study.get_trials()}) == len(networks)
    assert len(records) == len(networks) + 2


def test_choices_that_do_not_fit_together_are_infeasible():
    space = SearchSpace.parse("input 8x8x1\nstem conv k3 c16\nstage conv k3 g{1,8} c{8,12}\nhead dense c2")
    search = make_search(100.0, train=lambda _number, _a: 0.5, space=space)
    records = list(search.run())
    (broken,) = {r.reason for r in records if r.outcome == "infeasible"}
    assert "groups is 8; expected a divisor of 16 and 12 channels" in broken
    assert sum(r.outcome == "trained" for r in records) == 3
    require_feasible(space, Limits((DEVICE,), {DEVICE.name: 100.0}))


def test_a_failed_trial_is_recorded_and_the_search_goes_on(middle):
    def train(_number, architecture):
        if architecture.layers[0].get("channels") == 16:
            raise Failed("loss became NaN in epoch 1")
        return score(architecture)

    search = make_search(middle * 9, train=train)
    records = list(search.run())
    failed = [r for r in records if r.outcome == "failed"]
    assert {r.reason for r in failed} == {"loss became NaN in epoch 1"}
    assert all(search.study.get_trials()[r.number].state == TrialState.FAIL for r in failed)
    assert best(records).architecture.layers[0].get("channels") == 8


@pytest.mark.parametrize(
    ("sampler", "on_disk", "architectures", "kills"),
    [
        ("tpe", False, 20, (2, 9, 14)),
        ("random", False, 20, (2, 9, 14)),
        ("nsga-ii population_size=4", False, 20, (2, 9, 14)),
        ("nsga-iii population_size=4", False, 20, (2, 9, 14)),
        ("cma-es", False, 20, (2, 9, 14)),
        ("tpe", True, 8, (3,)),
        ("nsga-ii population_size=3", True, 8, (5,)),
    ],
)
def test_a_search_cut_short_goes_on_as_if_it_had_not_been(tmp_path, middle, sampler, on_disk, architectures, kills):
    class Killed(BaseException):
        pass

    said = {"sampler": sampler, "seed": 3, "architectures": architectures}
    whole = list(make_search(middle, **said).run())
    kept = None if on_disk else make_study()

    def goes_on(train):
        with storage_in(tmp_path) if on_disk else nullcontext() as storage:
            study = kept or make_study(storage=storage)
            return list(make_search(middle, study=study, train=train, **said).run())

    def killed_at(wanted):
        def train(number, architecture):
            if number >= wanted:
                raise Killed
            return score(architecture)

        return train

    for wanted in kills:
        with pytest.raises(Killed):
            goes_on(killed_at(wanted))
    cut = goes_on(lambda _number, architecture: score(architecture))
    assert [(r.number, r.outcome, r.digest, r.accuracy) for r in cut] == [
        (r.number, r.outcome, r.digest, r.accuracy) for r in whole
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_random_trial_in_place_of_repeats_is_the_same_cut_short_or_not(monkeypatch, seed):
    class Killed(BaseException):
        pass

    def dies(trial, choices, by_place):
        if trial.number == REPEATS_BEFORE_RANDOM + 1:
            suggest(trial, dict(list(choices.items())[:2]), by_place)
            raise Killed
        return suggest(trial, choices, by_place)

    def drawn(killed):
        study = make_study()
        for _ in range(REPEATS_BEFORE_RANDOM + 1):
            study.enqueue_trial({name: values[0] for name, values in SPACE.choices.items()})
        said = {"study": study, "architectures": 2, "seed": seed, "sampler": "local"}
        if killed:
            with monkeypatch.context() as patch:
                patch.setattr("nas.search.search.suggest", dies)
                with pytest.raises(Killed):
                    list(make_search(100.0, **said).run())
        list(make_search(100.0, **said).run())
        return study.get_trials()[REPEATS_BEFORE_RANDOM + 1].params

    assert drawn(killed=True) == drawn(killed=False)


def test_best_is_the_most_accurate_feasible(middle):
    records = list(make_search(middle).run())
    winner = best(records)
    assert winner.facts.latency_ms[DEVICE.name] <= middle
    assert winner.accuracy == max(r.accuracy for r in records if r.outcome == "trained")
    assert best([r for r in records if r.outcome == "infeasible"]) is None


def test_write_trials_gives_a_row_for_each(tmp_path, middle):
    records = list(make_search(middle).run())
    write_trials(tmp_path / "trials.csv", records, {DEVICE.name: DEVICE.evidence})
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == [r.number for r in records]
    assert {row["state"] for row in rows} <= {"trained", "infeasible", "duplicate", "failed"}
    assert {(row["device"], row["evidence"]) for row in rows} == {(DEVICE.name, "estimate")}
    assert rows[0]["latencies"] == f"{DEVICE.name} {rows[0]['latency_ms']} ms estimate"
    assert all((row["validation_accuracy"] == "") == (row["state"] == "infeasible") for row in rows[:3])


def test_a_limit_that_nothing_meets_names_the_fastest():
    fastest = min(map(milliseconds, every()))
    require_feasible(SPACE, Limits((DEVICE,), {DEVICE.name: fastest}))
    with pytest.raises(InputError, match=f"the fastest found takes {fastest:.4g} ms"):
        require_feasible(SPACE, Limits((DEVICE,), {DEVICE.name: fastest * 0.99}))


class Choosy:
    """A stand-in for a fitted device, which refuses one kind of block."""

    name, kind, title, evidence, known_error = "choosy", "fitted", "Choosy", "fitted", None

    def __init__(self, refuses, counts):
        self.refuses, self.counts = refuses, counts

    def latency(self, trace):
        if found := [layer.kind for layer in trace.layers].count(self.refuses):
            raise OutOfReach(f"device choosy: has no {self.refuses}", found if self.counts else 1)
        return DEVICE.latency(trace)


def choosy_limits(refuses, counts=True):
    return Limits((Choosy(refuses, counts),), {"choosy": 1.0})


def choosy_search(refuses):
    study = make_study()
    trainer = trainer_of(lambda _number, architecture: score(architecture))
    return assemble(study, choosy_limits(refuses), trainer, Budget(20))


def test_what_a_device_refuses_is_infeasible_and_the_search_goes_on():
    records = list(choosy_search("conv").run())
    assert not any(r.outcome == "trained" for r in records)  # the stem is one
    assert {r.reason for r in records if r.outcome == "infeasible"} == {"device choosy: has no conv"}
    records = list(choosy_search("mbconv").run())
    stages = {(r.outcome, r.architecture.layers[1].block) for r in records if r.outcome != "duplicate"}
    assert stages >= {("infeasible", "mbconv"), ("trained", "conv")}
    assert ("trained", "mbconv") not in stages


def test_a_space_that_a_device_refuses_whole_is_refused():
    require_feasible(SPACE, choosy_limits("mbconv"))
    with pytest.raises(InputError, match="choosy: knows none of the architectures tried: device choosy: has no conv"):
        require_feasible(SPACE, choosy_limits("conv"))


@pytest.mark.parametrize(("lines", "counts"), [(10, True), (2, False), (4, False)])
def test_several_lines_that_a_device_refuses_are_changed_together(lines, counts):
    stages = "stage {mbconv,conv} k3 e2 c{8,12,16}\n" * lines
    space = SearchSpace.parse(f"input 8x8x1\nstem conv k3 c8\n{stages}head dense c10")
    require_feasible(space, choosy_limits("mbconv", counts))
    with pytest.raises(InputError, match="choosy: knows none of the architectures tried"):
        require_feasible(space, choosy_limits("dense", counts))


def test_several_lines_that_need_as_much_memory_are_changed_together():
    stages = "stage conv k3 c{32,8}\n" * 4
    space = SearchSpace.parse(f"input 8x8x1\nstem conv k3 c8\n{stages}head dense c10")
    require_feasible(space, Limits((), {}, {"peak_memory": 8 * 8 * 16}))
    with pytest.raises(InputError, match=r"^peak_memory: found 1,000, .*; the smallest found has 1,024"):
        require_feasible(space, Limits((), {}, {"peak_memory": 1000}))


def test_an_unknown_sampler_is_refused():
    with pytest.raises(InputError, match=r"unknown sampler 'tpee'; did you mean 'tpe'\?"):
        list(make_search(1.0, sampler="tpee").run())
