"""Stage: the winner scaled to a family, and some of its members trained."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from experiments.context import Context
from experiments.stages.member import checkpoint_name, test_accuracy
from experiments.stages.winner import CHECKPOINT, dump_yaml
from nas.architecture import Architecture
from nas.errors import InputError
from nas.files import write_text
from nas.latency import OutOfReach
from nas.latency.on_chip import Weights, crossings, weights
from nas.ops import Trace
from nas.trace import trace
from scaling import ALONE, Member, family, fit

TABLE = "family.csv"
COLUMNS = (
    "name",
    "scaled_by",
    "phi",
    "resolution",
    "width",
    "depth",
    "channels",
    "depths",
    "params",
    "macs",
    "latency_ms",
    "cached_bytes",
    "streamed_bytes",
    "crosses_memory",
    "test_accuracy",
)


def run_family(context: Context, baseline: Architecture, winner: dict[str, Any]) -> dict[str, Any]:
    """Scales, costs and partly trains the family; writes family.csv and a file for each member.

    Returns `members`, a row each, and `not_scaled`, what is said of those that the winner cannot
    be scaled to, which are left out. With `scale.compare` networks scaled in one dimension alone
    stand after the members.

    A member equal to the winner takes over its accuracy rather than train again. With a warm
    start each begins with the weights of the one trained before it, the first with the winner's.
    """
    settings = context.experiment.scale
    members, not_scaled = _members(baseline, settings.to)
    if not_scaled:
        context.progress.say(not_scaled)
    rows = [_row(context, member) for member in members]
    _mark_crossings(rows)
    beside = _alone(context, baseline, members) if settings.compare else []
    members, rows = members + [m for m, _ in beside], rows + [_row(context, m, scheme) for m, scheme in beside]
    _write(context, members, rows)
    first = smaller = CHECKPOINT if settings.warm_start else None
    for member, row in zip(members, rows, strict=True):
        if member.architecture == baseline:
            row["test_accuracy"] = winner["test_accuracy"]
        elif row["scaled_by"]:
            row["test_accuracy"] = test_accuracy(context, member, first)
        elif member.name in settings.train:
            row["test_accuracy"] = test_accuracy(context, member, smaller)
            if smaller and row["test_accuracy"] is not None:
                smaller = checkpoint_name(member)
    _write(context, members, rows)
    return {"members": rows, "not_scaled": not_scaled}


def restore_family(context: Context, baseline: Architecture, rows: list[dict[str, Any]]) -> None:
    """Writes the files of a family that was made before again, of the rows that are kept."""
    members, _ = _members(baseline, context.experiment.scale.to)
    beside = _alone(context, baseline, members) if context.experiment.scale.compare else []
    _write(context, [*members, *(member for member, _ in beside)], rows)


def files_of(kept: dict[str, Any]) -> list[str]:
    """What the stage leaves, by its result."""
    return [TABLE, *(_file(row["name"]) for row in kept["members"])]


def _file(name: str) -> str:
    return f"family/{name}.yaml"


def _members(baseline: Architecture, names: Sequence[str]) -> tuple[list[Member], str]:
    """The members that the winner can be scaled to, and of the others in words why it cannot."""
    found: list[Member] = []
    left: dict[str, str] = {}
    for name in names:
        try:
            (member,) = family(baseline, [name])
            _require_classes(member, baseline)
            found.append(member)
        except InputError as error:
            left[name] = str(error).removeprefix("scaling: ")
    said = f"the winner cannot be scaled to {', '.join(left)}: {next(iter(left.values()))}" if left else ""
    return found, said


def _require_classes(member: Member, baseline: Architecture) -> None:
    """Refuses a member that takes no pictures of its size, or whose outputs are not the classes any more."""
    origin = f"family member {member.name}"
    found, expected = trace(member.architecture, origin).out_shape, trace(baseline).out_shape
    if found != expected:
        raise InputError(f"{origin}: found an output of shape {found}; expected {expected}, as of the winner")


def _alone(context: Context, baseline: Architecture, members: list[Member]) -> list[tuple[Member, str]]:
    """Beside each member to be trained, the winner scaled in one dimension to as many MACs, with that dimension."""
    found: list[tuple[Member, str]] = []
    for member in members:
        if member.architecture == baseline or member.name not in context.experiment.scale.train:
            continue
        most = trace(member.architecture).macs
        for dimension, coefficients in ALONE.items():
            try:
                name = f"{member.name}-{dimension}"
                fitted = fit(baseline, lambda a, most=most: trace(a).macs / most, name, coefficients)  # type: ignore[misc]
                found.append((fitted.member, dimension))
            except InputError as error:
                context.progress.say(f"{member.name} by {dimension} alone: {error}")
    return found


def _row(context: Context, member: Member, scaled_by: str = "") -> dict[str, Any]:
    architecture = member.architecture
    traced = trace(architecture, f"family member {member.name}")
    kept = weights(context.device, traced)
    stages = [layer for layer in architecture.layers if layer.part == "stage"]
    return {
        "name": member.name,
        "scaled_by": scaled_by,
        "phi": None if scaled_by else member.phi,
        "resolution": architecture.resolution,
        "width": member.width,
        "depth": member.depth,
        "channels": "-".join(str(layer.get("channels")) for layer in stages),
        "depths": "-".join(str(layer.repeats) for layer in stages),
        "params": traced.params,
        "macs": traced.macs,
        "latency_ms": _milliseconds(context, member.name, traced),
        "cached_bytes": kept and kept.cached,
        "streamed_bytes": kept and kept.streamed,
        "crosses_memory": None,
        "test_accuracy": None,
    }


def _mark_crossings(rows: list[dict[str, Any]]) -> None:
    """Says of each member whether it is the first to stream weights, where the device is known to keep any."""
    if any(row["cached_bytes"] is None for row in rows):
        return
    marks = crossings([Weights(row["cached_bytes"], row["streamed_bytes"]) for row in rows])
    for row, mark in zip(rows, marks, strict=True):
        row["crosses_memory"] = mark


def _milliseconds(context: Context, name: str, traced: Trace) -> float | None:
    """The member's latency, None where the device refuses it: a family leaves what a fit has seen."""
    try:
        latency = context.device.latency(traced)
        if latency.beyond:
            context.progress.say(f"{name}: {latency.beyond}")
        return latency.ms
    except OutOfReach as error:
        context.progress.say(f"{name} has no latency: {error}")
        return None


def _write(context: Context, members: list[Member], rows: list[dict[str, Any]]) -> None:
    for member in members:
        content = {"name": f"{context.experiment.name}-{member.name}", "architecture": member.architecture.text}
        write_text(context.path(_file(member.name)), dump_yaml(content))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(context.path(TABLE), text.getvalue())
