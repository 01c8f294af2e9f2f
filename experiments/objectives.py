"""Objectives as an experiment spells them: a name, or the trade that MnasNet makes.

As in `objectives: [accuracy, edgetpu-usb]`, or `[{tradeoff: soft, over: edgetpu-usb, target: 0.3}]`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.errors import InputError, one_line, unknown
from nas.search.quantities import ACCURACY, QUANTITIES, SCORES

if TYPE_CHECKING:
    from nas.search.objectives import Objective

LATENCY = "latency"  # on the first device
NAMED = (*SCORES, LATENCY, *QUANTITIES)
KEYS = ("tradeoff", "over", "target", "of")
FORMS = ("soft", "hard")
EXPECTED = f"{', '.join(NAMED)}, a device, or {{tradeoff: soft, over: a device, target: milliseconds}}"


def check_objective(spec: Any) -> None:
    """Raises `InputError` for what is no objective; devices are looked up."""
    if isinstance(spec, Mapping):
        _check_tradeoff(spec)
    elif not isinstance(spec, str):
        raise InputError(f"found {one_line(str(spec))}; expected {EXPECTED}")
    elif spec not in NAMED:
        _check_device(spec, NAMED)


def spelled(spec: Any) -> str:
    """What an objective is called where it is written, as for `search.choose`."""
    return f"{spec.get('of', ACCURACY)} over {spec['over']}" if isinstance(spec, Mapping) else str(spec)


def devices_of(specs: Sequence[Any]) -> list[str]:
    """The names and files of the devices that objectives are about."""
    asked = [spec["over"] if isinstance(spec, Mapping) else spec for spec in specs]
    return [name for name in asked if name not in NAMED]


def make_objectives(
    specs: Sequence[Any], names: Mapping[str, str], most: Mapping[str, float]
) -> "tuple[Objective, ...]":
    """The objectives. `names` are those of the devices by how they are spelled, the first of them first.

    `most` are the limits by name: the target of a tradeoff that has none of its own. Raises
    `InputError` where there is neither, and where two objectives are the same.
    """
    made = tuple(_make(spec, names, most) for spec in specs)
    called = [objective.name for objective in made]
    if again := [name for index, name in enumerate(called) if name in called[:index]]:
        raise InputError(f"found '{again[0]}' twice; expected each once")
    return made


def _make(spec: Any, names: Mapping[str, str], most: Mapping[str, float]) -> "Objective":
    from nas.search.objectives import HARD, SOFT, Cost, Score, Tradeoff

    if isinstance(spec, Mapping):
        cost = _cost(spec["over"], names)
        target = spec.get("target", most.get(cost))
        if target is None:
            raise InputError(f"'{spelled(spec)}' has no target, and {cost} no limit; expected one of them")
        form = spec["tradeoff"]
        exponents = {"soft": SOFT, "hard": HARD}[form] if isinstance(form, str) else (form[0], form[1])
        return Tradeoff(cost, target, exponents, spec.get("of", ACCURACY))
    return Score(spec) if spec in SCORES else Cost(_cost(spec, names))


def _cost(name: str, names: Mapping[str, str]) -> str:
    if name in QUANTITIES:
        return name
    return next(iter(names.values())) if name == LATENCY else names[name]


def _check_tradeoff(spec: Mapping[str, Any]) -> None:
    if strange := [key for key in spec if key not in KEYS]:
        raise InputError(unknown("key", str(strange[0]), KEYS))
    form = spec.get("tradeoff")
    if form not in FORMS and not (isinstance(form, list | tuple) and len(form) == 2 and all(map(_is_number, form))):
        raise InputError(f"found the tradeoff {form}; expected soft, hard, or two exponents such as [-0.07, -0.07]")
    if spec.get("of", ACCURACY) not in SCORES:
        raise InputError(f"found a tradeoff of {spec['of']}; expected one of {', '.join(SCORES)}")
    target = spec.get("target", 1)
    if not _is_number(target) or target <= 0:
        raise InputError(f"found the target {target}; expected a number greater than 0")
    over = spec.get("over")
    if not isinstance(over, str) or over in SCORES:
        raise InputError(f"found a tradeoff over {over}; expected a device, or one of {', '.join(QUANTITIES)}")
    if over not in NAMED:
        _check_device(over, (LATENCY, *QUANTITIES))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _check_device(name: str, others: Sequence[str]) -> None:
    from nas.latency.device import device_names, find_device, own_device_names

    try:
        find_device(name)
    except InputError as error:
        if not str(error).startswith("unknown device"):
            raise
        raise InputError(unknown("objective", name, (*others, *device_names(), *own_device_names()))) from error
