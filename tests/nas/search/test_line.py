"""The order of steps, and the steps that are no default."""

import optuna
import pytest
from optuna.trial import TrialState

from nas.errors import InputError
from nas.search.facts import facts
from nas.search.line import DEFAULT, require_order
from nas.search.steps import ZeroCost
from tests.nas.search.assembled import make_search, score


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize(
    "names",
    [
        DEFAULT,
        ("facts", "limits", "deduplicate", "train", "record"),
        ("facts", "zero_cost", "deduplicate", "limits", "zero_cost", "train", "record"),
    ],
)
def test_orders_that_keep_the_promises(names):
    require_order(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "found no 'deduplicate'; expected all of deduplicate, facts, limits, train, record"),
        (("deduplicate", "facts", "train", "record"), "found no 'limits'; expected all of"),
        (
            ("deduplicate", "facts", "train", "limits", "record"),
            "'train' before 'limits'.*breaks a limit is never",
        ),
        (("limits", "deduplicate", "facts", "train", "record"), "'limits' before 'facts'; expected 'facts' first"),
        (("facts", "limits", "train", "deduplicate", "record"), "equal architectures are never trained twice"),
        (("deduplicate", "zero_cost", "facts", "limits", "train", "record"), "'zero_cost' before 'facts'"),
        (("deduplicate", "facts", "limits", "train", "zero_cost", "record"), "'train' before 'zero_cost'"),
        (("record", "deduplicate", "facts", "limits", "train"), "found 'train' at the end; expected 'record' there"),
        (("deduplicate", "facts", "facts", "limits", "train", "record"), "found 'facts' twice; expected it once"),
    ],
)
def test_orders_that_do_not(names, said):
    with pytest.raises(InputError, match=said):
        require_order(names)


def test_a_zero_cost_score_lets_the_best_share_pass():
    def params(architecture):
        return facts(architecture, ()).amount("params")

    def run(keep):
        search = make_search(100.0, screen=lambda ledger: [ZeroCost("params", keep, params, ledger)], sampler="random")
        return list(search.run()), search.study

    records, study = run(0.5)
    screened = [r for r in records if r.outcome == "screened"]
    trained = [r for r in records if r.outcome == "trained"]
    assert 5 <= len(screened) <= 15
    assert sum(r.facts.params for r in trained) / len(trained) > sum(r.facts.params for r in screened) / len(screened)
    for record in screened:
        assert record.zero_cost == {"params": record.facts.params}
        assert study.get_trials()[record.number].state == TrialState.PRUNED
        earlier = [r for r in records if r.zero_cost and r.number < record.number and r.outcome != "duplicate"]
        more = sum(r.facts.params > record.facts.params for r in earlier)
        assert record.reason.endswith(f"{more} of {len(earlier)} other trials have more")
    assert not [r for r in run(1.0)[0] if r.outcome == "screened"]


def test_a_score_that_is_no_number_does_not_pass():
    search = make_search(
        100.0,
        architectures=3,
        screen=lambda ledger: [ZeroCost("odd", 1.0, lambda _: float("nan"), ledger)],
        train=lambda _number, a: score(a),
    )
    assert {(r.outcome, r.reason) for r in search.run()} == {("screened", "odd is no number")}
