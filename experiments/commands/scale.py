"""`nas scale`: a family from one network by compound scaling, or its largest members within budgets."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands import scale_search
from experiments.commands.command import Command, Result, positive, print_table
from nas.errors import InputError

if TYPE_CHECKING:
    from experiments.scale_command import Wanted
    from scaling import Rules

DEFAULT_MEMBERS = "b0..b7"
_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([kKMGB]?)")
_TIMES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
MIB = 2**20


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("arch", metavar="ARCH", help="a name of `nas zoo`, an architecture's file, or a run's folder")
    parser.add_argument(
        "--device", metavar="D", default="edgetpu-usb", help="device whose latency is shown (default: edgetpu-usb)"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for a YAML file of each member, or of a search")
    _add_members(parser)
    _add_formula(parser)
    scale_search.add_arguments(parser)


def _add_members(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("which members (--to, --phi, or budgets; default: --to b0..b7)")
    group.add_argument("--to", metavar="MEMBERS", help="by the published tables, as b0..b7 or b0,b3 or lite0..lite4")
    group.add_argument("--phi", metavar="PHI", type=_phis, help="by the formula, as 1 or 0,1,2 or -1")
    group.add_argument(
        "--latency", metavar="MS", type=_milliseconds, help="the largest within so many milliseconds on the device"
    )
    group.add_argument("--latencies", metavar="MS,MS", type=_list_of_milliseconds, help="one member for each latency")
    group.add_argument("--params", metavar="N", type=_amount, help="the largest of so many parameters, as 5M")
    group.add_argument("--macs", metavar="N", type=_amount, help="the largest of so many multiply-accumulates, as 400M")


def _add_formula(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how networks are scaled")
    for name, what, usual in (("alpha", "depth", 1.2), ("beta", "width", 1.1), ("gamma", "resolution", 1.15)):
        group.add_argument(f"--{name}", type=float, help=f"{what} for each step of phi (default: {usual})")
    group.add_argument("--divisor", metavar="N", type=positive, help="widths are multiples of it (default: as found)")
    group.add_argument("--depths", choices=("ceil", "nearest"), default="ceil", help="how depths round (default: ceil)")
    group.add_argument("--multiple", metavar="N", type=positive, default=2, help="of the resolution (default: 2)")
    group.add_argument("--fixed-stem-head", action="store_true", help="stem and head keep their widths, as lite's")
    group.add_argument("--fixed-ends", action="store_true", help="first and last stage keep their depth, as lite's")
    group.add_argument(
        "--respect-cache",
        action="store_true",
        help="weights stay in the device's memory: where they fill it, resolution and depth grow instead of width",
    )


def _run(arguments: Namespace) -> Result:
    scale_search.require_search(arguments)
    wanted = _wanted(arguments)
    if arguments.search:
        return scale_search.run(arguments)
    from experiments.architectures import load_architecture
    from experiments.scale_command import scale_network, write_members
    from nas.latency import load_device
    from scaling import PAPER, Coefficients, parse_members

    device = load_device(arguments.device)
    parse_members(wanted.names or DEFAULT_MEMBERS)  # a wrong name is said before anything is read
    factors = (getattr(arguments, name) for name in ("alpha", "beta", "gamma"))
    usual = (PAPER.alpha, PAPER.beta, PAPER.gamma)
    coefficients = Coefficients(*(own if given is None else given for given, own in zip(factors, usual, strict=True)))
    baseline = load_architecture(arguments.arch)
    result = scale_network(baseline, device, wanted, coefficients, _rules(arguments), arguments.respect_cache)
    files = write_members(arguments.out, baseline.name, result["members"]) if arguments.out else []
    return {**result, "files": files}


def _wanted(arguments: Namespace) -> "Wanted":
    from experiments.scale_command import Wanted

    limits = {"params": arguments.params, "macs": arguments.macs}
    shared = {what: limit for what, limit in limits.items() if limit is not None}
    latencies = [*(arguments.latencies or ()), *([] if arguments.latency is None else [arguments.latency])]
    budgets = [{"latency_ms": ms, **shared} for ms in latencies] or ([shared] if shared else [])
    given = [name for name, value in (("--to", arguments.to), ("--phi", arguments.phi), ("a budget", budgets)) if value]
    given += ["--search"] if arguments.search else []
    if len(given) > 1:
        raise InputError(f"found {' and '.join(given)}; expected one of --to, --phi, budgets, or --search")
    formula = [f"--{name}" for name in ("alpha", "beta", "gamma", "respect_cache") if getattr(arguments, name)]
    if formula and given in ([], ["--to"], ["--search"]):
        option = formula[0].replace("_", "-")
        if arguments.search:
            raise InputError(f"{option}: is what --search looks for; expected it with --phi or a budget")
        raise InputError(f"{option}: the members of --to have published proportions; expected --phi or a budget")
    names = None if arguments.phi or budgets else arguments.to or DEFAULT_MEMBERS
    return Wanted(names, arguments.phi or (), budgets)


def _rules(arguments: Namespace) -> "Rules":
    from nas.architecture import Part
    from scaling import Rules

    fixed: tuple[Part, ...] = ("stem", "head") if arguments.fixed_stem_head else ()
    return Rules(arguments.divisor, arguments.multiple, arguments.depths, fixed, arguments.fixed_ends)


def _show(result: Result) -> None:
    if "coefficients" in result:
        scale_search.show(result)
        return
    device, members = result["device"], result["members"]
    rows = [
        (m["name"], m["resolution"], m["width"], m["depth"], m["params"], m["macs"] / 1e6, m["latency_ms"][device])
        for m in members
    ]
    heads = ("member", "resolution", "width", "depth", "parameters", "M MACs", f"{device} ms ({result['evidence']})")
    kept = [_weights(member) if member["weights"] else () for member in members]
    columns = (*heads, *(("cached MiB", "streamed MiB", "") if any(kept) else ()))
    print_table(
        columns, [(*row, *more) for row, more in zip(rows, kept, strict=True)], title=f"{result['baseline']}, scaled"
    )
    for member in members:
        if member["note"]:
            used = "" if member["used"] is None else f"uses {member['used']:.1%} of its budget; "
            print(f"{member['name']}: {used}{member['note']}")
    for file in result["files"]:
        print(f"written: {file}")


def _weights(member: Result) -> tuple[float, float, str]:
    kept = member["weights"]
    mark = "memory crossed" if member["crosses_memory"] else ""
    return kept["cached"] / MIB, kept["streamed"] / MIB, mark


def _milliseconds(text: str) -> float:
    number = text.strip().removesuffix("ms").strip()
    if not (match := _AMOUNT.fullmatch(number)) or match[2] or not float(match[1]):
        raise ArgumentTypeError(f"found '{text}'; expected milliseconds greater than 0, as 5ms")
    return float(match[1])


def _list_of_milliseconds(text: str) -> list[float]:
    return list(dict.fromkeys(map(_milliseconds, text.split(","))))


def _amount(text: str) -> float:
    if not (match := _AMOUNT.fullmatch(text.strip())) or not float(match[1]):
        raise ArgumentTypeError(f"found '{text}'; expected an amount greater than 0, as 5M or 1.2G")
    return float(match[1]) * _TIMES[match[2]]


def _phis(text: str) -> list[float]:
    try:
        return list(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise ArgumentTypeError(f"found '{text}'; expected numbers, as 1 or 0,1,2") from None


COMMAND = Command(
    "scale",
    "scale a network to an EfficientNet-style family",
    (
        "nas scale efficientnet-b0 --to b0..b7",
        "nas scale runs/quickstart/winner.yaml --to b0,b2,b4 --json",
        "nas scale runs/quickstart --latencies 2ms,4ms,8ms --device edgetpu-usb --out family",
        "nas scale efficientnet-lite0 --params 8M --respect-cache",
        "nas scale runs/mine --search --data cifar10 --epochs 5 --cost edgetpu-usb --out runs/proportions",
    ),
    _add_arguments,
    _run,
    _show,
    lambda arguments: bool(arguments.search),
)
