"""Whether the Edge TPU would map all of an architecture, known before any file is written; and what would make it.

Read from the trace of each distinct block, by the tables that judge files. Activations
that no convolution or sum takes in are ops of their own in the file, of the version that
TensorFlow writes for int8.
"""

from functools import lru_cache
from typing import NamedTuple

from nas.architecture import Architecture, Layer, Value
from nas.blocks import resolve
from nas.export.facts import judge_op
from nas.export.file_ops import ACTIVATIONS, file_ops, maps
from nas.ops import BlockTrace
from nas.trace import trace

_SHARP = ("relu", "leaky-relu", "elu")  # next to which relu6 stands, whatever is asked for


class Change(NamedTuple):
    """A line of an architecture as it was, and as it is."""

    before: str
    after: str


def deployable(architecture: Architecture, origin: str = "architecture") -> tuple[str, ...]:
    """Why the Edge TPU would not map all of it, one reason for each distinct block; empty where it would.

    Raises `InputError` for a line that no block can be made of.
    """
    reasons: dict[tuple[str, str], str] = {}
    for layer in trace(architecture, origin).layers:
        for reason in block_reasons(layer.block):
            reasons.setdefault((layer.kind, reason), f"{layer.name} ({layer.kind}): {reason}")
    return tuple(reasons.values())


@lru_cache(maxsize=65536)
def block_reasons(block: BlockTrace) -> tuple[str, ...]:
    """Why the Edge TPU would not map all of one distinct block."""
    found = {}
    for op in block.ops:
        for name, version in file_ops(op.kind, op.activation):
            mapped, reason = judge_op(name, version)
            if not mapped:
                found[name] = f"{name} {reason}"
    return tuple(found.values())


def make_deployable(
    architecture: Architecture, activation: str = "relu6", squeeze: bool = True
) -> tuple[Architecture, tuple[Change, ...]]:
    """The architecture with what is not mapped substituted, and the lines that changed.

    Activations become `activation`, relu6 or swish: relu6 costs nothing, swish is closer to
    hard-swish and gelu and takes two ops. Without `squeeze` squeeze-and-excitation,
    which maps but costs time, is left out. What has no known substitute stays as it is:
    `deployable` tells.
    """
    kept = architecture.layers if squeeze else tuple(map(_without_squeeze, architecture.layers))
    changed = [_activated(layer, activation, architecture) for layer in kept]
    changes = tuple(
        Change(str(old), str(new)) for old, new in zip(architecture.layers, changed, strict=True) if old != new
    )
    return Architecture(architecture.resolution, architecture.channels, tuple(changed)), changes


def _activated(layer: Layer, activation: str, architecture: Architecture) -> Layer:
    options = resolve(layer).options
    names = ("activation", "se_activation") if getattr(options, "se_ratio", 0) else ("activation",)
    found = {name: str(getattr(options, name, "")) for name in names}
    changes: dict[str, Value] = {
        name: "relu6" if mine in _SHARP else activation
        for name, mine in found.items()
        if mine in ACTIVATIONS and (_alone(layer, architecture) if mine == "relu" else not maps("activation", mine))
    }
    return layer.with_options(**changes) if changes else layer


def _alone(layer: Layer, architecture: Architecture) -> bool:
    """Whether a block of the line has its activation as an op of its own."""
    kinds = {each.block for each in trace(architecture).layers if each.kind == layer.block}
    return any(op.kind == "activation" and op.activation == "relu" for block in kinds for op in block.ops)


def _without_squeeze(layer: Layer) -> Layer:
    return layer.with_options(se_ratio=0) if getattr(resolve(layer).options, "se_ratio", 0) else layer
