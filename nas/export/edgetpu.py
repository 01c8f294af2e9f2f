"""What the Edge TPU would take of a TFLite file, op by op.

A verdict from tables of what is known of Google's compiler, which is closed: it is a
prediction, and nothing is compiled. See `data/README.md` for where the facts come from.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from nas.export.advice import advice
from nas.export.facts import in_table, judge_op, judge_version, sources
from nas.export.model import Graph, Model, Operator, read
from nas.export.restrictions import Use, remark, violation

COMPILED = "edgetpu-custom-op"
BASIS = "predicted from tables of what is known of the compiler; nothing was compiled"


@dataclass(frozen=True)
class OpVerdict:
    """The operators of one kind that share a verdict: `count` of them, mapped or not, and why.

    `change` is what would have it mapped, where something is known.
    """

    op: str
    version: int
    count: int
    mapped: bool
    reason: str
    change: str = ""


@dataclass(frozen=True)
class EdgeTpuVerdict:
    """Whether the whole file would run on the Edge TPU, and the verdict on every op.

    `cut` names the first operator that stays on the CPU, or is empty: what depends on
    it stays there too. `before` and `after` count the operators that the Edge TPU runs
    before and after that one.
    """

    edgetpu: bool
    ops: tuple[OpVerdict, ...]
    cut: str = ""
    before: int = 0
    after: int = 0
    basis: str = BASIS

    @property
    def mapped(self) -> int:
        """How many operators would run on the Edge TPU."""
        return sum(op.count for op in self.ops if op.mapped)

    @property
    def total(self) -> int:
        """All operators."""
        return sum(op.count for op in self.ops)


def check(path: Path | str) -> EdgeTpuVerdict:
    """The verdict on a .tflite file, from here or elsewhere.

    Raises `InputError` where it cannot be read.
    """
    return judge(read(Path(path)))


def judge(model: Model) -> EdgeTpuVerdict:
    """The verdict on a model that is read already."""
    verdicts = each_verdict(model)
    first = next((number for number, verdict in enumerate(verdicts) if not verdict.mapped), len(verdicts))
    # Where the compiler refuses the whole file, the operator that it names is more telling than the first.
    stops = (number for number, verdict in enumerate(verdicts) if not verdict.mapped and _stops(verdict))
    cut = next(stops, first)
    named = f"{verdicts[cut].op}, operator {cut + 1} of {len(verdicts)}" if cut < len(verdicts) else ""
    after = sum(verdict.mapped for verdict in verdicts[cut:])
    before = sum(verdict.mapped for verdict in verdicts[:cut])
    return EdgeTpuVerdict(bool(verdicts) and not named, tuple(_together(verdicts)), named, before, after)


def each_verdict(model: Model) -> list[OpVerdict]:
    """The verdict on every operator, in order, each as one of its kind."""
    singles = [_judge_op(operator, model.main) for operator in model.main.operators]
    refused = next((single for single in singles if _stops(single)), None)
    return _cut_off(model.main, singles) if refused is None else [_refuse(each, refused) for each in singles]


def _judge_op(operator: Operator, graph: Graph) -> OpVerdict:
    """The verdict on one operator as if it stood alone."""
    use = Use.of(operator, graph)
    mapped, reason = _verdict(use)
    return OpVerdict(operator.op, operator.version, 1, mapped, reason, "" if mapped else advice(use, reason))


def _verdict(use: Use) -> tuple[bool, str]:
    op, version = use.operator.op, use.operator.version
    if op == COMPILED:
        return True, "is itself what the Edge TPU compiler wrote: this file is compiled already"
    listed, reason = in_table(op)
    if not listed:
        return False, reason
    if problem := violation(use):
        return False, problem
    mapped, reason = judge_op(op, version)
    return mapped, "; ".join(part for part in (reason, remark(use) if mapped else "") if part)


def _stops(verdict: OpVerdict) -> bool:
    return not verdict.mapped and judge_version(verdict.op, verdict.version).stops


def _refuse(verdict: OpVerdict, refused: OpVerdict) -> OpVerdict:
    """The verdict on an operator of a file that the compiler refuses whole."""
    if not verdict.mapped:
        return verdict
    reason = f"the compiler refuses the whole file: {refused.op} {judge_version(refused.op, refused.version).reason}"
    return replace(verdict, mapped=False, reason=reason, change=f"change {refused.op}")


def _cut_off(graph: Graph, singles: list[OpVerdict]) -> list[OpVerdict]:
    """The verdicts with operators left on the CPU that need the result of another one there.

    The compiler makes one piece of the graph by default. An operator on the CPU before
    which nothing ran on the Edge TPU cuts nothing: the piece begins behind it.
    """
    on_device: set[int] = set()  # tensors that depend on something on the Edge TPU
    returned: dict[int, int] = {}  # tensors that depend on something that came back, and on which operator
    verdicts = []
    for number, (operator, verdict) in enumerate(zip(graph.operators, singles, strict=True)):
        cause = next((returned[tensor] for tensor in operator.inputs if tensor in returned), None)
        after_device = any(tensor in on_device for tensor in operator.inputs)
        if verdict.mapped and cause is not None:
            reason = (
                f"comes after {singles[cause].op}, operator {cause + 1}, which stays on the CPU; "
                f"one piece of a graph is mapped ({sources('I')})"
            )
            verdict = replace(verdict, mapped=False, reason=reason, change=f"change {singles[cause].op} before it")
        if cause is None and not verdict.mapped and after_device:
            cause = number
        if cause is not None:
            returned.update(dict.fromkeys(operator.outputs, cause))
        if verdict.mapped or after_device:
            on_device.update(operator.outputs)
        verdicts.append(verdict)
    return verdicts


def _together(verdicts: list[OpVerdict]) -> list[OpVerdict]:
    """Equal verdicts counted as one, in the order in which they first appear."""
    counts: dict[OpVerdict, int] = {}
    for verdict in verdicts:
        counts[verdict] = counts.get(verdict, 0) + 1
    return [replace(verdict, count=count) for verdict, count in counts.items()]
