"""Whether a strategy can do what is asked of it, found out before anything runs."""

from nas.errors import InputError
from nas.search.samplers.reading import read
from nas.search.samplers.strategy import Choices


def require_able(text: str, choices: Choices, objectives: int = 1) -> None:
    """Raises `InputError` that begins with the sampler's name where it cannot search these choices."""
    strategy = read(text)
    if objectives > strategy.most_objectives:
        said = f"found {objectives} objectives; expected one, or a sampler for several, such as nsga-ii"
        raise InputError(f"{strategy.name}: {said}")
    if said := strategy.lacks(choices):
        raise InputError(f"{strategy.name}: {said}")
