"""Objectives, and the answer that a search gives to them."""

import random
from dataclasses import replace
from math import nan

import optuna
import pytest
from optuna.trial import TrialState

from nas.architecture import Architecture
from nas.search.best import best, front
from nas.search.budget import Budget
from nas.search.facts import QUANTITIES, Facts, Limits, facts
from nas.search.in_process import InProcess
from nas.search.objectives import HARD, SOFT, Cost, Score, Tradeoff, measured_scores, oriented
from nas.search.pareto import dominates, non_dominated
from nas.search.record import Record
from nas.search.trainer import Ended
from tests.nas.search.assembled import DEVICE, assemble, every, make_search, make_study, score

NETWORK = Architecture.parse("input 8x8x1\nstage conv k3 c4\nhead dense c2")
FACTS = Facts(1000, 5000, {"here": 2.0}, bytes=1100, peak_memory=256)


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def record(number, accuracy, params=1000, ms=2.0, **changes):
    found = Facts(params, 5000, {"here": ms})
    made = Record(number, "trained", NETWORK, found, True, accuracy, None, "", 1.0, {"accuracy": accuracy})
    return replace(made, **changes)


def test_costs_are_the_facts():
    assert [Cost(name).value(FACTS, {}) for name in (*QUANTITIES, "here")] == [1000, 5000, 1100, 256, 2]
    with pytest.raises(KeyError):
        Cost("elsewhere").value(FACTS, {})


@pytest.mark.parametrize(
    ("target", "exponents", "value"),
    [
        (2.0, SOFT, 0.8),
        (1.0, SOFT, 0.8 * 2**-0.07),
        (4.0, SOFT, 0.8 * 0.5**-0.07),
        (1.0, HARD, 0.4),
        (4.0, HARD, 0.8),
    ],
)
def test_tradeoff_is_that_of_mnasnet(target, exponents, value):
    assert Tradeoff("here", target, exponents).value(FACTS, {"accuracy": 0.8}) == pytest.approx(value)


def test_soft_tradeoff_holds_five_percent_for_a_doubled_cost():
    rule = Tradeoff("here", 2.0, SOFT)
    slow = rule.value(replace(FACTS, latency_ms={"here": 4.0}), {"accuracy": 0.8 * 1.05})
    assert slow == pytest.approx(rule.value(FACTS, {"accuracy": 0.8}), rel=1e-3)


def test_only_the_accuracies_that_are_asked_for_are_measured():
    assert measured_scores([Score(), Cost("params")]) == {"accuracy"}
    assert measured_scores([Tradeoff("params", 1, score="int8_accuracy")]) == {"int8_accuracy"}


def test_oriented_turns_what_is_to_be_small():
    assert oriented([Score(), Cost("params")], FACTS, {"accuracy": 0.5}) == (0.5, -1000.0)


def test_non_dominated_agrees_with_its_definition():
    source = random.Random(1)
    for _ in range(200):
        size = source.randrange(1, 4)
        points = [tuple(float(source.randrange(4)) for _ in range(size)) for _ in range(source.randrange(14))]
        kept = non_dominated(points)
        assert {points[i] for i in kept} == {p for p in points if not any(dominates(q, p) for q in points)}
        assert len({points[i] for i in kept}) == len(kept)
        assert kept == sorted(kept)


def test_a_point_that_is_no_number_dominates_nothing_and_is_on_no_front():
    assert not dominates((nan, 9.0), (0.0, 0.0))
    assert dominates((0.0, 0.0), (nan, 9.0))
    assert non_dominated([(nan, 9.0), (1.0, 1.0)]) == [1]


def test_best_of_several_is_on_the_front_by_the_one_chosen():
    objectives = (Score(), Cost("params"))
    records = [record(0, 0.9, 300), record(1, 0.8, 100), record(2, 0.8, 50), record(3, 0.9, 200), record(4, 0.5, 60)]
    assert [r.number for r in front(records, objectives)] == [3, 2]
    assert best(records, objectives).number == 3
    assert best(records, objectives, "params").number == 2
    assert best(records, (Score(),)).number == 0


def test_what_was_not_trained_whole_or_breaks_a_limit_is_no_answer():
    records = [record(0, 0.9, feasible=False), record(1, 0.9, outcome="pruned"), record(2, 0.4)]
    assert best(records).number == 2
    assert [r.number for r in front(records, (Score(),))] == [2]
    assert best(records[:2]) is None
    assert best(records, (Score("int8_accuracy"),)) is None


def test_no_answer_exceeds_a_limit_of_any_kind():
    limits = Limits((DEVICE,), {}, {"params": 9000, "macs": 300_000, "bytes": 9000, "peak_memory": 4200})
    search = assemble(make_study(), limits, InProcess(lambda n, a, _judge: Ended(n, score(a))), Budget(40))
    records = list(search.run())
    infeasible = [r for r in records if r.outcome == "infeasible"]
    assert {name for r in infeasible for name, over in r.violations.items() if over > 0} == set(limits.quantities)
    for one in (r for r in records if r.outcome == "trained"):
        found = facts(one.architecture, ())
        assert all(found.amount(name) <= most for name, most in limits.quantities.items())
    assert len({a.digest for a in every()}) > len({r.digest for r in records})


def test_a_score_that_was_not_measured_fails_the_trial():
    search = make_search(100.0, objectives=(Score("int8_accuracy"),), architectures=2)
    assert {(r.outcome, r.reason) for r in search.run()} == {("failed", "int8_accuracy was not measured")}
    assert {trial.state for trial in search.study.trials} == {TrialState.FAIL}


def test_an_accuracy_that_is_no_number_fails_the_trial():
    search = make_search(100.0, architectures=2, train=lambda _number, _architecture: nan)
    assert {(r.outcome, r.reason) for r in search.run()} == {("failed", "the accuracy is nan")}
