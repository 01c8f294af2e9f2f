"""Every strategy by its name: what it finds, and that its trials follow from seed and number alone."""

from functools import cache
from importlib.util import find_spec

import optuna
import pytest
from optuna.trial import TrialState

from nas.errors import InputError
from nas.search.choices import as_params, suggest
from nas.search.samplers import make_sampler, read, require_able, sampler_names
from nas.search.samplers.imputed import Imputed, _OfOneLimit, _Penalised
from tests.nas.search.samplers.landscape import CHOICES, best, new_study, search

TRIALS = 20
NAMES = [name for name in sampler_names() if name != "gp" or find_spec("torch")]
SMALL = {
    "nsga-ii": "nsga-ii population_size=6",
    "nsga-iii": "nsga-iii population_size=6",
    "evolution": "evolution population=8",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_trials_whether_cut_short_or_not(name):
    text = SMALL.get(name, name)
    undisturbed = search(new_study(), text, TRIALS, seed=3)
    assert search(new_study(), text, TRIALS, seed=3, killed=True) == undisturbed
    assert search(new_study(), text, TRIALS, seed=4) != undisturbed


@pytest.mark.parametrize("name", ["nsga-ii population_size=6", "nsga-iii population_size=6", "tpe", "random"])
def test_two_objectives_cut_short_or_not(name):
    both = ("maximize", "maximize")
    undisturbed = search(new_study(both), name, TRIALS)
    assert search(new_study(both), name, TRIALS, killed=True) == undisturbed


@cache
def searched(text):
    """The studies of a few seeds."""
    studies = [new_study() for _ in range(5)]
    for seed, study in enumerate(studies):
        search(study, text, 50, seed)
    return studies


@pytest.mark.parametrize("name", ["evolution population=8 tournament=3", "local", "controller", "tpe"])
def test_better_than_random(name):
    assert sum(map(best, searched(name))) > sum(map(best, searched("random")))


@pytest.mark.parametrize("name", ["evolution population=8 tournament=3", "local", "controller", "tpe"])
def test_limits_are_learnt(name):
    def share_beyond(text):
        trials = [trial for study in searched(text) for trial in study.trials[20:]]
        return sum(trial.state == TrialState.PRUNED for trial in trials) / len(trials)

    assert share_beyond(name) < share_beyond("random")


@cache
def within_a_tight_limit(text, seed, objectives=1, proposals=100):
    """How many of the 5 % within a limit a strategy finds, by a score that does not know of the limit."""
    choices = {f"choice{i}": (0, 1, 2, 3) for i in range(6)}
    by_place, study = read(text).by_place(choices), new_study(["maximize"] * objectives)
    for number in range(proposals):
        study.sampler = make_sampler(text, seed, number)
        trial = study.ask()
        chosen = suggest(trial, choices, by_place)
        beyond = sum(chosen.values()) - 4
        trial.set_constraint("cost", beyond / 4)
        if beyond > 0:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [float(chosen["choice0"]), -float(chosen["choice1"])][:objectives])
    return len({tuple(t.params.items()) for t in study.trials if t.state == TrialState.COMPLETE})


@pytest.mark.parametrize(
    ("text", "objectives"),
    [("nsga-ii", 1), ("nsga-ii", 2), ("nsga-iii", 1), ("nsga-iii", 2), ("cma-es", 1)],
)
def test_what_few_are_within_is_found(text, objectives):
    found = sum(within_a_tight_limit(text, seed, objectives) for seed in range(2))
    assert found > 2 * sum(within_a_tight_limit("random", seed) for seed in range(2))


def test_grid_tries_everything_once():
    choices = {"kernel": (3, 5), "block": ("conv", "mbconv", "pool")}
    study = new_study()
    for number in range(7):
        study.sampler = make_sampler("grid", 0, number)
        trial = study.ask()
        suggest(trial, choices)
        study.tell(trial, 1.0)
    assert len({tuple(t.params.items()) for t in study.trials[:6]}) == 6


@pytest.mark.parametrize("name", ["tpe", "controller", "controller learning_rate=5"])
def test_most_of_a_small_space_is_tried_without_repeats(name):
    choices = {"kernel": (3, 5, 7), "block": ("conv", "mbconv", "pool"), "repeats": (1, 2, 3)}
    study = new_study()
    for number in range(24):
        study.sampler = make_sampler(name, 0, number)
        trial = study.ask()
        chosen = suggest(trial, choices)
        study.tell(trial, float(chosen["kernel"] + 10 * chosen["repeats"]))
    assert len({tuple(t.params.items()) for t in study.trials}) >= 20


def test_local_search_begins_where_it_is_told():
    study = new_study()
    start = {"block": "conv", "kernel": 7, "channels": 16, "repeats": 1, "se": 0}
    study.enqueue_trial(as_params(start, CHOICES))
    search(study, "local", 8)
    assert study.trials[0].params == start
    for trial in study.trials[2:]:
        known = [t.params for t in study.trials[: trial.number]]
        assert any(sum(trial.params[n] != one[n] for n in CHOICES) == 1 for one in known)


def test_places_are_numbers_in_their_order():
    choices = {"channels": (40, 16, 24), "block": ("conv", "pool")}
    study = new_study()
    study.enqueue_trial(as_params({"channels": 40, "block": "pool"}, choices, {"channels"}))
    trial = study.ask()
    assert suggest(trial, choices, {"channels"}) == {"channels": 40, "block": "pool"}
    assert trial.params == {"channels.place": 2, "block": "pool"}
    assert read("cma-es").by_place(CHOICES) == {"kernel", "channels", "repeats", "se"}


def test_what_a_sampler_cannot_do_is_said_before():
    require_able("cma-es", CHOICES)
    with pytest.raises(InputError, match=r"^cma-es: found 0 of 1 choices between numbers; expected at least 2"):
        require_able("cma-es", {"block": ("conv", "pool")})
    with pytest.raises(InputError, match=r"^evolution: found 2 objectives; expected one"):
        require_able("evolution", CHOICES, objectives=2)


def asked_about(study, constraints, state, values=None):
    """A finished trial."""
    trial = study.ask()
    trial.suggest_int("kernel", 1, 7)
    for name, value in constraints.items():
        trial.set_constraint(name, value)
    study.tell(trial, values, state=state)


def test_a_gaussian_process_sees_one_limit_of_trials_that_were_asked_about_several():
    study = optuna.create_study()
    asked_about(study, {"a": -0.5}, TrialState.COMPLETE, [1.0])
    asked_about(study, {"a": -0.3, "b": -0.1}, TrialState.COMPLETE, [2.0])
    asked_about(study, {"b": 0.2, "c": 1.0}, TrialState.PRUNED)
    seen = _OfOneLimit(study)._get_trials(states=(TrialState.COMPLETE,))
    assert [list(trial.constraints.values()) for trial in seen] == [[-0.5], [-0.1], [1.0]]
    assert [trial.values for trial in seen] == [[1.0], [2.0], [2.0]]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_only_what_broke_a_limit_counts_as_scored(direction):
    study = new_study([direction])
    asked_about(study, {"a": 0.25, "b": 0.5, "c": -1.0}, TrialState.PRUNED)
    sign = -1 if direction == "maximize" else 1
    assert [t.values for t in _Penalised(study)._get_trials(deepcopy=False)] == [[sign * 0.75]]
    asked_about(study, {"a": -0.1}, TrialState.COMPLETE, [2.0])
    asked_about(study, {"a": -0.2}, TrialState.COMPLETE, [3.0])
    asked_about(study, {"a": -0.2}, TrialState.PRUNED)  # by a rung
    asked_about(study, {}, TrialState.PRUNED)  # before the limits
    asked_about(study, {"a": 0.5}, TrialState.FAIL)
    worst = 2.0 if direction == "maximize" else 3.0
    for view, stand_in in ((Imputed, worst), (_Penalised, worst + sign * 0.75)):
        assert [t.values for t in view(study)._get_trials()] == [[stand_in], [2.0], [3.0], None, None, None]
        complete = view(study)._get_trials(deepcopy=False, states=[TrialState.COMPLETE], use_cache=True)
        assert [t.number for t in complete] == [0, 1, 2]
    assert [t.state for t in study.trials][:2] == [TrialState.PRUNED, TrialState.COMPLETE]
    assert study.trials[0].values is None
