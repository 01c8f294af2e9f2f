"""Samplers by the names that experiments use."""

from collections.abc import Callable

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from nas.errors import InputError, unknown

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: RandomSampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed),
}


def sampler_names() -> list[str]:
    """The names an experiment may give for `search.sampler`."""
    return sorted(SAMPLERS)


def make_sampler(name: str, seed: int, number: int) -> BaseSampler:
    """The sampler for trial `number` of a study.

    Each trial has a sampler of its own, seeded by the trial: all that these samplers
    learn they read from the study, so a search that was killed goes on exactly as one
    that was not. Raises `InputError` for an unknown name.
    """
    if name not in SAMPLERS:
        raise InputError(unknown("sampler", name, sampler_names()))
    return SAMPLERS[name]((seed * 1_000_003 + number) % 2**32)
