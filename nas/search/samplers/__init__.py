"""Strategies by the names that experiments use, each with its options.

Each trial has a sampler of its own, seeded by the trial: all that a sampler learns it reads from
the study, so a search that was killed goes on exactly as one that was not.
"""

from optuna.samplers import BaseSampler

from nas.search.samplers.foreign import Foreign
from nas.search.samplers.reading import as_text, read, sampler_names, written
from nas.search.samplers.require import require_able
from nas.search.samplers.seeded import Seeded
from nas.search.samplers.strategy import Draw, Strategy

__all__ = [
    "Draw",
    "Foreign",
    "Strategy",
    "as_text",
    "make_sampler",
    "read",
    "require_able",
    "sampler_names",
    "written",
]


def make_sampler(text: str, seed: int, number: int) -> BaseSampler:
    """The sampler for trial `number` of a study with `seed`.

    Raises `InputError` for a text that `read` refuses. Runs code of others where the text names it.
    """
    return Seeded(read(text).make, Draw(seed, number))
