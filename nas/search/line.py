"""The order in which steps may stand."""

from collections.abc import Sequence

from nas.errors import InputError

DEFAULT = ("deduplicate", "facts", "limits", "train", "record")
NAMES = ("deduplicate", "facts", "limits", "zero_cost", "train", "record")
REPEATABLE = ("zero_cost",)

# What must stand before a step, and why.
BEFORE = (
    ("limits", "facts", "limits are held against the facts"),
    ("zero_cost", "facts", "what is screened out is recorded with its facts"),
    ("train", "deduplicate", "equal architectures are never trained twice"),
    ("train", "limits", "what breaks a limit is never trained"),
    ("train", "zero_cost", "scores of untrained networks say what to train"),
)


def require_order(names: Sequence[str]) -> None:
    """Refuses a line of steps that would not keep a search's promises.

    Raises `InputError` that says what was found and what would be right.
    """
    for name in DEFAULT:
        if name not in names:
            raise InputError(f"found no '{name}'; expected all of {', '.join(DEFAULT)}")
    for name in names:
        if name not in REPEATABLE and list(names).count(name) > 1:
            raise InputError(f"found '{name}' twice; expected it once")
    for later, earlier, why in BEFORE:
        if earlier in names and later in names and _last(names, earlier) > list(names).index(later):
            raise InputError(f"found '{later}' before '{earlier}'; expected '{earlier}' first: {why}")
    if names[-1] != "record":
        raise InputError(f"found '{names[-1]}' at the end; expected 'record' there: it ends every trial")


def _last(names: Sequence[str], name: str) -> int:
    return max(index for index, other in enumerate(names) if other == name)
