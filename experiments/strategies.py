"""How a search proposes: its sampler as experiments write it, whether it can, and whether it may."""

from typing import TYPE_CHECKING, Any

from nas.errors import InputError, one_line

if TYPE_CHECKING:
    from experiments.schema import Experiment
    from search_spaces import SearchSpace

# Optuna is imported late: reading an experiment without a search brings it in no earlier.


def sampler_text(value: Any) -> Any:
    """The one spelling of a sampler, written as text or as {name: tpe, multivariate: true}.

    What is neither is left to be refused. Raises `InputError` for an unknown name or option.
    """
    from nas.search.samplers import as_text, read, written

    text = as_text(value)
    return written(read(text)) if isinstance(text, str) else text


def require_able_sampler(experiment: "Experiment", space: "SearchSpace") -> None:
    """Raises `InputError` where the sampler cannot search this space for these objectives."""
    from nas.search.samplers import require_able

    try:
        require_able(experiment.search.sampler, space.choices, len(experiment.search.objectives))
    except InputError as error:
        raise InputError(f"{experiment.where('search', 'sampler')}: {error}") from error


def require_allowed_sampler(experiment: "Experiment", allow_code: bool) -> None:
    """Raises `InputError` where the sampler is code of others and that is not allowed, or cannot be made."""
    from nas.search.samplers import Draw, Foreign, read

    strategy = read(experiment.search.sampler)
    if not isinstance(strategy, Foreign):
        return
    where = experiment.where("search", "sampler")
    if not allow_code:
        found = f"found {one_line(strategy.path)}, which is code"
        raise InputError(f"{where}: {found}; expected --allow-code on the command line, to let it run")
    try:
        strategy.make(Draw(experiment.seed, 0))
    except InputError as error:
        raise InputError(f"{where}: {one_line(str(error))}") from error
