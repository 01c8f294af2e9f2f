"""Strategies as experiments write them: a name, and options behind it as in "evolution population=30"."""

from dataclasses import fields
from functools import lru_cache
from typing import Any

from nas.errors import InputError, unknown
from nas.search.samplers.controller import Controller
from nas.search.samplers.evolution import Evolution
from nas.search.samplers.foreign import Foreign
from nas.search.samplers.local import Local
from nas.search.samplers.published import CmaEs, Gp, Grid, Nsga2, Nsga3, Qmc, Random, Tpe
from nas.search.samplers.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    kind.name: kind for kind in (CmaEs, Controller, Evolution, Gp, Grid, Local, Nsga2, Nsga3, Qmc, Random, Tpe)
}
_SAID = {"true": True, "false": False}


def sampler_names() -> list[str]:
    """The names an experiment may give for `search.sampler`."""
    return sorted(STRATEGIES)


@lru_cache(maxsize=256)
def read(text: str) -> Strategy:
    """The strategy that a text such as "tpe" or "tpe multivariate=true n_startup_trials=20" asks for.

    Runs no code of others. Raises `InputError` for what it cannot be.
    """
    name, *words = text.split() or [""]
    given: dict[str, str] = {}
    for word in words:
        option, equals, value = word.partition("=")
        if not (option.isidentifier() and equals and value):
            raise InputError(f"{name}: found '{word}'; expected an option and its value, as in evolution population=30")
        if option in given:
            raise InputError(f"{name}: found {option} twice; expected it once")
        given[option] = value
    if ":" in name:
        return Foreign(_path(name), tuple((option, _guess(value)) for option, value in sorted(given.items())))
    if name not in STRATEGIES:
        raise InputError(unknown("sampler", name, STRATEGIES))
    kind = STRATEGIES[name]
    return kind(**{option: _value(kind, option, value) for option, value in given.items()})


def written(strategy: Strategy) -> str:
    """The shortest text that `read` makes this strategy of: one spelling for equal ones."""
    if isinstance(strategy, Foreign):
        return " ".join([strategy.path, *(f"{name}={_spelled(value)}" for name, value in strategy.options)])
    changed = [(f.name, getattr(strategy, f.name)) for f in fields(strategy)]
    said = [f"{name}={_spelled(value)}" for name, value in changed if value != getattr(type(strategy), name)]
    return " ".join([strategy.name, *said])


def as_text(settings: Any) -> Any:
    """A mapping such as {name: tpe, multivariate: true} as text; anything else as it is.

    Raises `InputError` where the mapping has no name, or an option is no number or word.
    """
    if not isinstance(settings, dict):
        return settings
    if not isinstance(name := settings.get("name"), str):
        raise InputError("found no name; expected as in {name: tpe, multivariate: true}")
    options = {option: value for option, value in settings.items() if option != "name"}
    for option, value in options.items():
        if not isinstance(value, bool | int | float | str) or not str(value) or any(map(str.isspace, str(value))):
            raise InputError(f"{name}: {option}: found {value!r}; expected a number, true, false or a word")
    return " ".join([name, *(f"{option}={_spelled(value)}" for option, value in options.items())])


def _path(name: str) -> str:
    parts = name.split(":")
    if len(parts) not in (2, 3) or not all(parts) or (len(parts) == 3 and parts[0] != "hub"):
        raise InputError(f"found '{name}'; expected module:Class, or hub:PACKAGE:Class of OptunaHub")
    return name


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.9g}" if isinstance(value, float) else str(value)


def _guess(text: str) -> Any:
    """The value of another's option, whose type is not known."""
    if text in _SAID:
        return _SAID[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _value(kind: type[Strategy], option: str, text: str) -> bool | int | float | str:
    known = {f.name: getattr(kind, f.name) for f in fields(kind)}
    if option not in known:
        raise InputError(f"{kind.name}: {unknown('option', option, known) if known else _none(option)}")
    default, value = known[option], _guess(text)
    if isinstance(default, str):
        wanted, fits = f"one of {', '.join(kind.words[option])}", text in kind.words[option]
    elif isinstance(default, bool):
        wanted, fits = "true or false", isinstance(value, bool)
    else:
        low, high = kind.ranges[option]
        whole = isinstance(default, int)
        wanted = f"{'a whole number, ' * whole}{low:g} to {high:g}"
        number = isinstance(value, int) or (isinstance(value, float) and not whole)
        fits = number and not isinstance(value, bool) and low <= value <= high
    if not fits:
        raise InputError(f"{kind.name}: {option}: found {text}; expected {wanted}")
    return text if isinstance(default, str) else type(default)(value)


def _none(option: str) -> str:
    return f"found the option {option}; expected none, because this sampler has none"
