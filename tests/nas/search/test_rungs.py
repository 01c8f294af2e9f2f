"""Which trials are ended early: by the rules alone, and within a search."""

import optuna
import pytest
from optuna.trial import TrialState

from nas.search.objectives import Cost, Score
from nas.search.rungs import Halving, Hyperband, Median, beaten_by, rungs
from tests.nas.search.assembled import DEVICE, EPOCHS, make_search, make_study, score

LIMIT = 100.0


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def others(*values):
    return {number: (value,) for number, value in enumerate(values)}


def test_rungs_grow_by_the_factor_and_stay_below_the_last_epoch():
    assert rungs(1, 3, 9) == [1, 3]
    assert rungs(2, 2, 20) == [2, 4, 8, 16]
    assert rungs(5, 2, 5) == []


def test_halving_trains_one_in_factor_on():
    rule = Halving(last=9, first=1, factor=3)
    assert rule.stops(1, 5, (0.1,), {}) == ""
    assert rule.stops(1, 5, (0.5,), others(0.4, 0.3)) == ""
    assert rule.stops(1, 5, (0.5,), others(0.6, 0.3)) == "after epoch 1 beaten by 1 of 2 other trials; 1 may train on"
    assert rule.stops(1, 5, (0.5,), others(0.6, 0.1, 0.2, 0.3, 0.4)) == ""
    assert rule.stops(2, 5, (0.0,), others(0.6, 0.7)) == ""
    assert rule.stops(9, 5, (0.0,), others(0.6, 0.7)) == ""


def test_halving_lets_equals_pass():
    assert Halving(last=4, factor=2).stops(1, 9, (0.5,), others(0.5, 0.5, 0.5)) == ""


def test_hyperband_compares_within_a_bracket():
    rule = Hyperband(last=9, first=1, factor=3)
    assert rule.brackets == 3
    brackets = [rule.bracket(number) for number in range(600)]
    assert [brackets.count(index) for index in range(3)] == pytest.approx([300, 200, 100], abs=40)
    last = brackets.index(2)
    assert all(rule.stops(epoch, last, (0.0,), others(*[1.0] * 50)) == "" for epoch in range(1, 10))
    first = brackets.index(0)
    foreign = {number: (1.0,) for number in range(600) if brackets[number] != 0}
    same = {number: (1.0,) for number in range(600) if brackets[number] == 0 and number != first}
    assert rule.stops(1, first, (0.0,), foreign) == ""
    assert "in bracket 1 of 3" in rule.stops(1, first, (0.0,), same)


def test_median_ends_what_more_than_half_beat():
    rule = Median(last=5, first=2, trials=3)
    assert rule.stops(1, 9, (0.0,), others(0.5, 0.6, 0.7)) == ""
    assert rule.stops(2, 9, (0.0,), others(0.5, 0.6)) == ""
    assert rule.stops(2, 9, (0.55,), others(0.5, 0.6, 0.4)) == ""
    assert rule.stops(2, 9, (0.55,), others(0.5, 0.6, 0.7)) == (
        "after epoch 2 beaten by 2 of 3 other trials, more than half"
    )
    assert rule.stops(5, 9, (0.0,), others(0.5, 0.6, 0.7)) == ""


def test_of_several_values_only_what_is_worse_in_all_is_beaten():
    assert beaten_by((0.5, -2.0), [(0.6, -1.0), (0.6, -3.0), (0.4, -1.0), (0.5, -2.0)]) == 1


@pytest.mark.parametrize("rule", [Halving(EPOCHS, 1, 2), Hyperband(EPOCHS, 1, 2), Median(EPOCHS, 1, 2)])
@pytest.mark.parametrize("objectives", [(Score(),), (Score(), Cost(DEVICE.name))], ids=["one", "two"])
def test_a_search_ends_trials_early_and_keeps_what_they_reached(rule, objectives):
    def run():
        search = make_search(LIMIT, rungs=rule, objectives=objectives, architectures=24, sampler="random")
        return list(search.run()), search.study

    records, study = run()
    pruned = [r for r in records if r.outcome == "pruned"]
    assert pruned
    for record in pruned:
        trial = study.get_trials()[record.number]
        assert trial.state == TrialState.PRUNED
        assert record.accuracy is None
        assert "beaten by" in record.reason
        assert (
            trial.intermediate_values
            == record.accuracies
            == pytest.approx({epoch: score(record.architecture) * epoch / EPOCHS for epoch in record.accuracies})
        )
        assert max(record.accuracies) < EPOCHS
    trained = [r for r in records if r.outcome == "trained"]
    assert {len(r.accuracies) for r in trained} == {EPOCHS}
    assert max(trained, key=lambda r: r.accuracy).accuracy == max(score(r.architecture) for r in records)
    again, _ = run()
    assert [(r.digest, r.outcome, r.reason) for r in again] == [(r.digest, r.outcome, r.reason) for r in records]


def test_a_search_cut_short_ends_the_same_trials_early():
    class Killed(BaseException):
        pass

    def killed_at(wanted):
        def train(number, architecture):
            if number >= wanted:
                raise Killed
            return score(architecture)

        return train

    said = {"rungs": Halving(EPOCHS, 1, 2), "architectures": 16, "sampler": "random"}
    whole = list(make_search(LIMIT, **said).run())
    study = make_study()
    with pytest.raises(Killed):
        list(make_search(LIMIT, study=study, train=killed_at(7), **said).run())
    cut = list(make_search(LIMIT, study=study, **said).run())
    assert [(r.digest, r.outcome, r.reason) for r in cut] == [(r.digest, r.outcome, r.reason) for r in whole]
