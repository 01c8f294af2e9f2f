"""How the choices of a space are put to Optuna: by name, or as places in a row where the strategy asks for that."""

from collections.abc import Collection, Mapping
from typing import Any

from optuna.trial import Trial

from nas.architecture import Value

Choices = Mapping[str, tuple[Value, ...]]
PLACE = ".place"  # behind the name of a choice that is suggested as a place


def suggest(trial: Trial, choices: Choices, by_place: Collection[str] = ()) -> dict[str, Value]:
    """A value for every choice; for those `by_place` Optuna sees 0 to N - 1 instead, numbers in their order."""
    chosen: dict[str, Value] = {}
    for name, values in choices.items():
        if name in by_place:
            chosen[name] = _row(values)[trial.suggest_int(name + PLACE, 0, len(values) - 1)]
        else:
            value: Any = trial.suggest_categorical(name, values)
            chosen[name] = value
    return chosen


def as_params(chosen: Mapping[str, Value], choices: Choices, by_place: Collection[str] = ()) -> dict[str, Any]:
    """What `suggest` would have seen: parameters for `study.enqueue_trial`."""
    return {
        name + PLACE if name in by_place else name: _row(choices[name]).index(value) if name in by_place else value
        for name, value in chosen.items()
    }


def _row(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Numbers by size; names as they are written."""
    if any(isinstance(value, str) for value in values):
        return values
    return tuple(sorted(values))
