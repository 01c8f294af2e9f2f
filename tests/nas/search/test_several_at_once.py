"""Trials under way beside each other, which end in any order."""

import optuna
import pytest
from optuna.trial import TrialState

from nas.search.company import Alone
from nas.search.search import MOST_WAITING
from search_spaces import SearchSpace
from tests.nas.search.assembled import DEVICE, LastFirst, make_search, make_study, score

FEW = SearchSpace.parse("input 8x8x1\nstage conv k3 c{4,8,12}\nhead dense c2")
ONE = SearchSpace.parse("input 8x8x1\nstage conv k3 c4\nhead dense c2")
LIMIT = 100.0


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_as_many_are_under_way_as_the_trainer_holds():
    trainer = LastFirst(3)
    search = make_search(LIMIT, trainer=trainer, architectures=12)
    records = list(search.run())
    assert trainer.most == 3
    assert trainer.closed
    assert len({r.digest for r in records}) == 12
    assert [r.number for r in records] != sorted(r.number for r in records)
    assert {t.state for t in search.study.get_trials()} == {TrialState.COMPLETE}
    for record in records:
        assert record.accuracy == score(record.architecture)
        assert search.study.get_trials()[record.number].values == [record.accuracy]


def test_what_is_being_trained_is_not_trained_again_beside_it():
    trained = []

    def train(number, architecture):
        trained.append(architecture.digest)
        return 0.5 + number / 1000

    search = make_search(LIMIT, trainer=LastFirst(4, train), architectures=3, space=FEW, sampler="random")
    records = {r.number: r for r in search.run()}
    assert len(trained) == len(set(trained)) == 3
    duplicates = [r for r in records.values() if r.outcome == "duplicate"]
    assert duplicates
    for record in duplicates:
        original = records[record.duplicate_of]
        assert (original.digest, original.accuracy) == (record.digest, record.accuracy)
        assert record.facts == original.facts


def test_no_more_are_proposed_while_too_many_wait():
    trainer = LastFirst(2, lambda _number, _architecture: 0.5)
    search = make_search(LIMIT, trainer=trainer, architectures=50, space=ONE, sampler="random")
    waiting = [record for record in search.run() if record.outcome == "duplicate"]
    assert trainer.most == 1
    assert len(waiting) >= MOST_WAITING


def test_a_budget_of_trainings_counts_those_under_way():
    search = make_search(LIMIT, trainer=LastFirst(3), architectures=100)
    search.budget = type(search.budget)(100, trained=4)
    assert sum(r.outcome == "trained" for r in search.run()) == 4


def test_trials_that_were_under_way_are_taken_up_under_their_own_numbers():
    class Killed(BaseException):
        pass

    ended = []

    def dies(number, architecture):
        if len(ended) == 4:
            raise Killed
        ended.append(number)
        return score(architecture)

    trainer, study = LastFirst(3, dies), make_study()
    with pytest.raises(Killed):
        list(make_search(LIMIT, study=study, trainer=trainer, architectures=12).run())
    assert trainer.closed
    left = {t.number: t.params for t in study.get_trials() if t.state == TrialState.RUNNING}
    assert len(left) == 3

    trainer = LastFirst(2)
    search = make_search(LIMIT, study=study, trainer=trainer, architectures=12)
    records = list(search.run())
    assert not left.keys() & set(ended)
    assert sorted(r.number for r in records) == list(range(len(records)))
    assert len({r.digest for r in records}) == 12
    assert {number: t.params for number, t in enumerate(search.study.get_trials()) if number in left} == left
    assert DEVICE.name in search.study.get_trials()[0].constraints


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_trial_that_waited_when_the_search_was_cut_short_is_ended_though_the_budget_is_spent(capacity):
    class Killed(BaseException):
        pass

    class Dies(LastFirst):
        def wait(self):
            if len(self.begun) == 1:
                raise Killed
            return super().wait()

    def half(_number, _architecture):
        return 0.5

    study = make_study()
    (choice,) = FEW.choices
    for channels in (4, 4, 8):
        study.enqueue_trial({choice: channels})
    said = {"study": study, "architectures": 2, "space": FEW}
    with pytest.raises(Killed):
        list(make_search(LIMIT, trainer=Dies(2, half), **said).run())
    states = [TrialState.RUNNING, TrialState.RUNNING, TrialState.COMPLETE]
    assert [t.state for t in study.get_trials()] == states

    records = {r.number: r for r in make_search(LIMIT, trainer=LastFirst(capacity, half), **said).run()}
    assert [t.state for t in study.get_trials()] == [TrialState.COMPLETE] * 3
    assert (records[1].outcome, records[1].duplicate_of) == ("duplicate", 0)


def test_a_trial_that_another_search_has_ended_meanwhile_is_let_go():
    """As where a search sleeps for so long that another takes its trial up."""

    class Late(LastFirst):
        def wait(self):
            first = search.study.get_trials(deepcopy=False)[0]
            if len(self.begun) == 2 and not first.state.is_finished():
                ended = {"outcome": "trained", "accuracy": 0.9, "scores": {"accuracy": 0.9}}
                for name, value in ended.items():
                    search.study._storage.set_trial_user_attr(first._trial_id, name, value)
                search.study._storage.set_trial_state_values(first._trial_id, TrialState.COMPLETE, [0.9])
            return super().wait()

    class Company(Alone):
        def let_go(self, trial_id):
            return trial_id != search.study.get_trials(deepcopy=False)[0]._trial_id

    trainer = Late(2, lambda _number, _architecture: 0.5)
    search = make_search(LIMIT, trainer=trainer, architectures=3, space=FEW, sampler="random")
    search.company = Company()
    begun = []
    start = trainer.start
    trainer.start = lambda number, *others: begun.append(number) or start(number, *others)
    records = {r.number: r for r in search.run()}
    assert records[0].accuracy == 0.9
    assert begun.count(0) == 1
    assert len({r.digest for r in records.values()}) == 3
