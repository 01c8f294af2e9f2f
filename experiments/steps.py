"""The steps of a search as an experiment spells them, and as the objects that they stand for.

As in `steps: [deduplicate, facts, limits, {zero_cost: naswot, keep: 0.5}, train, record]`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nas.errors import InputError, one_line, unknown
from nas.search.line import NAMES, require_order

if TYPE_CHECKING:
    from experiments.context import Context
    from nas.architecture import Architecture
    from nas.search.judging import Judging
    from nas.search.ledger import Ledger
    from nas.search.steps import Step
    from nas.search.trainer import Trainer

ZERO_COST = "zero_cost"
KEEP = 0.5  # the share that a zero-cost score lets pass where nothing is said
COUNTED = ("params", "macs")  # the baselines: large networks are often the more accurate


def check_steps(specs: Sequence[Any]) -> None:
    """Raises `InputError` for what is no step, and for an order that breaks a promise."""
    for spec in specs:
        _check(spec)
    require_order([_name(spec) for spec in specs])


def make_steps(
    context: "Context", specs: Sequence[Any], ledger: "Ledger", judging: "Judging", trainer: "Trainer"
) -> "list[Step]":
    """The steps; `record`, the last, is what the search does with whatever ends a trial."""
    from nas.deployable import deployable
    from nas.search.steps import Deduplicate, LookUp, OnlyDeployable, Train, WithinLimits, ZeroCost

    def make(spec: Any) -> "Step":
        if isinstance(spec, Mapping):
            score = _score(context, spec[ZERO_COST])
            return ZeroCost(spec[ZERO_COST], spec.get("keep", KEEP), score, ledger)
        plain: dict[str, Callable[[], Step]] = {
            "deduplicate": lambda: Deduplicate(ledger),
            "facts": lambda: LookUp(context.bounds, context.space.origin),
            "limits": lambda: WithinLimits(context.bounds),
            "train": lambda: Train(trainer, judging),
        }
        return plain[spec]()

    steps = [make(spec) for spec in specs if spec != "record"]
    if (device := context.experiment.search.deployable) is not None:
        places = [place for place, step in enumerate(steps) if isinstance(step, WithinLimits)]
        steps.insert(places[-1] + 1 if places else 0, OnlyDeployable(device, deployable))
    return steps


def _name(spec: Any) -> str:
    return ZERO_COST if isinstance(spec, Mapping) else str(spec)


def _check(spec: Any) -> None:
    if isinstance(spec, str) and spec in NAMES and spec != ZERO_COST:
        return
    if isinstance(spec, str) and spec != ZERO_COST:
        raise InputError(unknown("step", spec, NAMES))
    if not isinstance(spec, Mapping) or ZERO_COST not in spec or not set(spec) <= {ZERO_COST, "keep"}:
        found = one_line(str(spec))[:60]
        raise InputError(f"found the step {found}; expected a name, or {{zero_cost: params, keep: 0.5}}")
    if spec[ZERO_COST] not in (names := tuple(_scores())):
        raise InputError(unknown("zero-cost score", str(spec[ZERO_COST]), names))
    keep = spec.get("keep", KEEP)
    if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 < keep <= 1:
        raise InputError(f"found keep: {keep}; expected a share greater than 0 and at most 1")


def _scores() -> Iterable[str]:
    if find_spec("experiments.zero_cost") is None:
        return COUNTED
    names: Iterable[str] = import_module("experiments.zero_cost").zero_cost_names()
    return (*COUNTED, *(name for name in names if name not in COUNTED))


def _score(context: "Context", name: str) -> "Callable[[Architecture], float]":
    if name in COUNTED:
        from nas.search.facts import facts

        return lambda architecture: facts(architecture, ()).amount(name)
    zero_cost = import_module("experiments.zero_cost")
    score: Callable[[Architecture], float] = zero_cost.zero_cost_score(context, name)
    return score
