"""A small search without networks: choices, what they score, and a limit that half of them break."""

import optuna
from optuna.trial import Trial, TrialState

from nas.search.choices import suggest
from nas.search.samplers import make_sampler, read

CHOICES = {
    "block": ("mbconv", "conv", "separable"),
    "kernel": (3, 5, 7),
    "channels": (16, 24, 40),
    "repeats": (1, 2, 3),
    "se": (0, 0.25),
}
LIMIT = 3.0


def score(chosen):
    """Best of those within the limit: mbconv k5 c40 x2 se0.25, with 1.0."""
    parts = (
        0.2 * (chosen["block"] == "mbconv"),
        0.2 * (chosen["kernel"] == 5),
        0.005 * chosen["channels"],
        0.1 * chosen["repeats"],
        0.8 * chosen["se"],
    )
    return sum(parts)


def cost(chosen):
    """Above `LIMIT` for the widest where they are deep."""
    return chosen["repeats"] * chosen["channels"] / 16 + (chosen["block"] == "conv")


def new_study(directions=("maximize",)):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(directions=list(directions))


def search(study, text, trials, seed=0, killed=False):
    """Asks and tells as a search does; when killed, every trial once between two of its choices."""
    by_place = read(text).by_place(CHOICES)
    for number in range(len(study.trials), len(study.trials) + trials):
        study.sampler = make_sampler(text, seed, number)
        trial = study.ask()
        if killed:
            names = list(CHOICES)[: number % len(CHOICES)]
            suggest(trial, {name: CHOICES[name] for name in names}, by_place)
            study.sampler = make_sampler(text, seed, number)
            trial = Trial(study, trial._trial_id)
        tell(study, trial, suggest(trial, CHOICES, by_place))
    return [tuple(trial.params.items()) for trial in study.trials]


def tell(study, trial, chosen):
    """What is beyond the limit is not scored."""
    trial.set_user_attr("latency_ms", {"device": cost(chosen)})
    trial.set_constraint("device", (cost(chosen) - LIMIT) / LIMIT)
    if cost(chosen) > LIMIT:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, [score(chosen), -cost(chosen)][: len(study.directions)])


def best(study):
    """The best score within the limit."""
    return max(t.values[0] for t in study.trials if t.state == TrialState.COMPLETE)
