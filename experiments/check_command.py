"""`nas check` at work: a prediction, and what the compiler and a device say where they are at hand."""

from math import isfinite
from pathlib import Path
from typing import Any

from nas.errors import InputError
from nas.export import compiler, coral
from nas.export.card import Card
from nas.export.edgetpu import EdgeTpuVerdict, judge
from nas.export.file_trace import trace_file
from nas.export.model import Model, read
from nas.latency import load_device
from nas.latency.on_chip import weights

DEVICES = ("edgetpu-usb", "edgetpu-pcie")
NOT_COMPILED = f"{compiler.PROGRAM} is not on the PATH; nothing was compiled"


def check_file(file: Path) -> dict[str, Any]:
    """All that is said of a .tflite file; what `nas check --json` prints.

    Raises `InputError` where it is no TFLite file, and where a compiler on the PATH is not Google's.
    """
    model = read(file)
    verdict = judge(model)
    compiled = _compiled(file)
    return {
        "file": str(file),
        "edgetpu": verdict.edgetpu,
        "operators": verdict.total,
        "mapped": verdict.mapped,
        "cut": verdict.cut,
        "before": verdict.before,
        "after": verdict.after,
        "basis": verdict.basis,
        "ops": _ops(verdict),
        "metadata": _metadata(model.card),
        **_estimates(model),
        "compiler": compiled,
        "device": _device(compiled),
    }


def _ops(verdict: EdgeTpuVerdict) -> list[dict[str, Any]]:
    keys = ("op", "version", "count", "mapped", "reason", "change")
    return [{key: getattr(op, key) for key in keys} for op in verdict.ops]


def _metadata(card: Card | None) -> dict[str, Any] | None:
    """What the file says of itself: how many labels, how pixels are normalised; None where it is no number."""
    if card is None:
        return None
    mean, std = ([number if isfinite(number) else None for number in numbers] for numbers in (card.mean, card.std))
    said = {key: getattr(card, key) for key in ("name", "author", "license")}
    return {**said, "labels": len(card.labels), "mean": mean, "std": std}


def _estimates(model: Model) -> dict[str, Any]:
    """Weights kept and streamed, and milliseconds; empty where the Edge TPU runs nothing of the file."""
    trace = trace_file(model)
    if trace is None:
        return {"weights": None, "latency_ms": {}, "evidence": {}}
    devices = {name: load_device(name) for name in DEVICES}
    kept = weights(devices[DEVICES[0]], trace)
    return {
        "weights": None if kept is None else {"cached": kept.cached, "streamed": kept.streamed},
        "latency_ms": {name: device.latency(trace).ms for name, device in devices.items()},
        "evidence": {name: device.evidence for name, device in devices.items()},
    }


def _compiled(file: Path) -> dict[str, Any]:
    program = compiler.find_compiler()
    if program is None:
        return {"found": False, "said": NOT_COMPILED}
    found = compiler.compile_file(program, file)
    said = found.failure or f"compiled: {found.mapped} of {found.total} operators mapped"
    return {
        "found": True,
        "said": said,
        "version": found.version,
        "file": None if found.file is None else str(found.file),
        "ops": [{"op": op.op, "count": op.count, "status": op.status} for op in found.ops],
        "mapped": found.mapped,
        "weights": {"cached": found.cached, "streamed": found.streamed},
    }


def _device(compiled: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds on a Coral device, of the file that the compiler wrote."""
    found = coral.find_coral()
    if found.missing:
        return {"measured_ms": None, "said": f"not measured: {found.missing}"}
    if not compiled.get("file"):
        return {"measured_ms": None, "said": f"not measured: {found.device} is here, but no compiled file"}
    try:
        return {"measured_ms": coral.measure(Path(compiled["file"])), "said": f"measured on {found.device}"}
    except InputError as error:
        return {"measured_ms": None, "said": f"not measured: {error}"}
