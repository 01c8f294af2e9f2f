"""What the Edge TPU would take of a TFLite file, op by op.

A verdict from tables of what is known of Google's compiler, which is closed: it is a
prediction, and nothing is compiled. See `data/README.md` for where the facts come from.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from nas.export.facts import judge_version, known_versions, sources, supported_ops
from nas.export.model import Graph, Model, Operator, read
from nas.export.restrictions import Use, remark, violation

COMPILED = "edgetpu-custom-op"
BASIS = "predicted from tables of what is known of the compiler; nothing was compiled"


@dataclass(frozen=True)
class OpVerdict:
    """The operators of one kind that share a verdict: `count` of them, mapped or not, and why."""

    op: str
    version: int
    count: int
    mapped: bool
    reason: str


@dataclass(frozen=True)
class EdgeTpuVerdict:
    """Whether the whole file would run on the Edge TPU, and the verdict on every op.

    `cut` names the first operator that stays on the CPU, or is empty: what depends on
    it stays there too.
    """

    edgetpu: bool
    ops: tuple[OpVerdict, ...]
    cut: str = ""
    basis: str = BASIS

    @property
    def mapped(self) -> int:
        """How many operators would run on the Edge TPU."""
        return sum(op.count for op in self.ops if op.mapped)


def check(path: Path | str) -> EdgeTpuVerdict:
    """The verdict on a .tflite file, from here or elsewhere.

    Raises `InputError` where it cannot be read.
    """
    return judge(read(Path(path)))


def judge(model: Model) -> EdgeTpuVerdict:
    """The verdict on a model that is read already."""
    singles = [_judge_op(operator, model.main) for operator in model.main.operators]
    refused = next((single for single in singles if _stops(single)), None)
    first = next((number for number, verdict in enumerate(singles) if not verdict.mapped), None)
    connected = _cut_off(model.main, singles) if refused is None else [_refuse(each, refused) for each in singles]
    cut = "" if first is None else f"{singles[first].op}, operator {first + 1} of {len(singles)}"
    whole = bool(singles) and all(verdict.mapped for verdict in connected)
    return EdgeTpuVerdict(whole, tuple(_together(connected)), cut)


def _judge_op(operator: Operator, graph: Graph) -> OpVerdict:
    """The verdict on one operator as if it stood alone."""
    mapped, reason = _verdict(Use.of(operator, graph))
    return OpVerdict(operator.op, operator.version, 1, mapped, reason)


def _verdict(use: Use) -> tuple[bool, str]:
    op, version = use.operator.op, use.operator.version
    if op == COMPILED:
        return True, "is itself what the Edge TPU compiler wrote: this file is compiled already"
    row = supported_ops().get(op)
    if row is None and op not in known_versions():
        return False, f"is not in the op table ({sources('A')})"
    if row is not None and not row.mapped:
        return False, f"is not mapped: {row.restrictions} ({row.source})"
    if problem := violation(use):
        return False, problem
    judged = judge_version(op, version)
    if not judged.taken:
        return False, judged.reason
    table = f"in the op table ({row.source})" if row else "not in the op table, but in compiled models"
    return True, "; ".join(part for part in (table, judged.reason, remark(use)) if part)


def _stops(verdict: OpVerdict) -> bool:
    return not verdict.mapped and judge_version(verdict.op, verdict.version).stops


def _refuse(verdict: OpVerdict, refused: OpVerdict) -> OpVerdict:
    """The verdict on an operator of a file that the compiler refuses whole."""
    if not verdict.mapped:
        return verdict
    reason = f"the compiler refuses the whole file: {refused.op} {judge_version(refused.op, refused.version).reason}"
    return replace(verdict, mapped=False, reason=reason)


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
            verdict = replace(verdict, mapped=False, reason=reason)
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
