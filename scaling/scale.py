"""One architecture made wider, deeper, and of higher resolution."""

import math
from collections.abc import Iterator
from dataclasses import replace

from nas.architecture import Architecture, Layer, Part
from nas.blocks import Options, resolve
from nas.errors import InputError
from scaling.rounding import DepthRounding, round_depth, round_width

FACTORS = (0.01, 100)


def scale(
    architecture: Architecture,
    width: float = 1.0,
    depth: float = 1.0,
    resolution: int | None = None,
    *,
    divisor: int | None = None,
    least: float = 0.9,
    rounding: DepthRounding = "ceil",
    fixed_parts: tuple[Part, ...] = (),
    fixed_ends: bool = False,
    dropout: float = 0,
) -> Architecture:
    """The architecture with its widths and depths multiplied and its input at `resolution` pixels.

    Every option that counts channels scales, except the number of classes, to a multiple
    of `divisor` (`natural_divisor` where None; and of the groups it meets) and never
    below `least` of what was asked for. Repeats of stage lines scale; blocks that a deeper network has no more of, such
    as pools between stages, stay single. A factor of 1 leaves its dimension untouched.

    `fixed_parts`: parts that keep their widths, as EfficientNet-lite's stem and head.
    `fixed_ends`: the first and the last stage keep their depth, as there.
    `dropout`: what the rate of each dropout layer grows by.

    Raises `InputError` for factors out of range, a resolution lowered below the strides,
    and a network without anything to scale in a dimension that is to grow.
    """
    for name, factor in (("width", width), ("depth", depth)):
        if not FACTORS[0] <= factor <= FACTORS[1]:
            raise InputError(f"scaling: {name} factor is {factor}; expected {FACTORS[0]} to {FACTORS[1]}")
    pixels = architecture.resolution if resolution is None else resolution
    _check_resolution(architecture, pixels)
    layers = architecture.layers
    if width != 1:
        layers = tuple(_widened(architecture, width, divisor or natural_divisor(architecture), least, fixed_parts))
    if depth != 1:
        layers = tuple(_deepened(layers, depth, rounding, fixed_ends))
    if dropout:
        layers = tuple(_dropping(layer, dropout) if layer.block == "dropout" else layer for layer in layers)
    return Architecture(pixels, architecture.channels, layers)


def natural_divisor(architecture: Architecture) -> int:
    """The largest of 8, 4, 2, 1 that divides every width and is at most half the smallest.

    8 for the published networks. A tiny one would leave its own proportions with it: 8
    channels times 1.2 is 16 in multiples of 8, and 12 in multiples of 4.
    """
    widths = [width for layer, names in _scalable(architecture) for width in names.values() if layer.part == "stage"]
    widths = widths or [width for _, names in _scalable(architecture) for width in names.values()]
    return next(d for d in (8, 4, 2, 1) if d == 1 or all(w % d == 0 and 2 * d <= w for w in widths))


def total_stride(architecture: Architecture) -> int:
    """By how much the strides together divide the picture's height and width."""
    return math.prod(resolve(layer).options.reduces for layer in architecture.layers)


def _check_resolution(architecture: Architecture, resolution: int) -> None:
    strides = total_stride(architecture)
    if resolution < (needed := min(strides, architecture.resolution)):  # one that has fewer pixels keeps them
        raise InputError(
            f"scaling: resolution {resolution} is smaller than the network's strides, which together "
            f"divide it by {strides}; expected at least {needed}"
        )


def _scalable(architecture: Architecture) -> Iterator[tuple[Layer, dict[str, int]]]:
    """Each layer with those of its widths that may scale, by option name."""
    outputs = _output_layer(architecture)
    for index, layer in enumerate(architecture.layers):
        yield layer, {} if index == outputs else _widths(resolve(layer).options)


def _widths(options: Options) -> dict[str, int]:
    values = {name: int(getattr(options, name, 0)) for name in options.widths}
    return {name: value for name, value in values.items() if value}  # 0 leaves the width to the block


def _output_layer(architecture: Architecture) -> int:
    """The index of the layer whose channels are the classes: the last that has any."""
    indices = [i for i, layer in enumerate(architecture.layers) if layer.get("channels") is not None]
    return indices[-1] if indices else len(architecture.layers)


def _widened(
    architecture: Architecture, factor: float, divisor: int, least: float, fixed_parts: tuple[Part, ...]
) -> Iterator[Layer]:
    if not any(widths for layer, widths in _scalable(architecture) if layer.part not in fixed_parts):
        raise InputError(
            f"scaling: the network has no widths but its classes, so nothing can be {factor:g} times as wide; "
            "expected width 1, or a network with further layers"
        )
    for (layer, widths), multiple in zip(_scalable(architecture), _multiples(architecture), strict=True):
        kept = layer.part in fixed_parts
        step = math.lcm(divisor, multiple)
        changes = {} if kept else {name: round_width(width * factor, step, least) for name, width in widths.items()}
        yield layer.with_options(**changes)


def _multiples(architecture: Architecture) -> list[int]:
    """What each layer's widths must be a multiple of: its own groups, and those of the layer that reads it."""
    multiples, needed = [], 1
    for layer, widths in reversed(list(_scalable(architecture))):
        own = resolve(layer).options.multiple
        multiples.append(math.lcm(own, needed))
        needed = own if widths else multiples[-1]
    return multiples[::-1]


def _deepened(layers: tuple[Layer, ...], factor: float, rounding: DepthRounding, fixed_ends: bool) -> Iterator[Layer]:
    options = [resolve(layer).options for layer in layers]
    stages = [i for i, layer in enumerate(layers) if layer.part == "stage" and _can_deepen(options[i])]
    if not stages:
        raise InputError(
            f"scaling: the network has no stage to repeat, so it cannot be {factor:g} times as deep; "
            "expected depth 1, or a network with stage lines"
        )
    ends = {stages[0], stages[-1]} if fixed_ends else set()
    for index, layer in enumerate(layers):
        if index not in stages or index in ends:
            yield layer
            continue
        inside = {n: round_depth(getattr(options[index], n), factor, rounding) for n in options[index].depths}
        repeats = round_depth(layer.repeats, factor, rounding) if options[index].repeatable else layer.repeats
        yield replace(layer.with_options(**inside), repeats=repeats)


def _dropping(layer: Layer, more: float) -> Layer:
    """The dropout layer with a rate larger by `more`, as far as rates go."""
    options = resolve(layer).options
    rate: float = getattr(options, "rate", 0)
    return layer.with_options(rate=round(min(options.ranges["rate"][1], rate + more), 4))


def _can_deepen(options: Options) -> bool:
    return options.repeatable or bool(options.depths)
