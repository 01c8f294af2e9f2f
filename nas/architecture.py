"""A network as plain data: frozen, hashable, and readable as a few lines of text.

    input 224x224x3
    stem  conv k3 s2 c32 act=swish
    stage mbconv k3 s1 e1 c16 se0.25 act=swish
    stage mbconv k3 s2 e6 c24 se0.25 act=swish x2
    head  conv k1 c1280 act=swish
    head  pool
    head  dense c1000

The first line is the input: height x width x channels. Every other line is one
layer: the part of the network it belongs to, the kind of block, and the block's
options. `x2` repeats the block; only the first of the repeats takes the stride.
`#` starts a comment. This module knows the grammar but no block: which options a
block takes, and their defaults, is said where the block is defined.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Literal, get_args

from nas.errors import InputError, shortened, unknown

Part = Literal["prepare", "stem", "stage", "head"]
Value = int | float | str

PARTS: tuple[str, ...] = get_args(Part)
SHORT = {
    "k": "kernel",
    "s": "stride",
    "e": "expansion",
    "c": "channels",
    "se": "se_ratio",
    "g": "groups",
    "d": "dilation",
    "act": "activation",
}
_LONG = {name: short for short, name in SHORT.items()}
_NUMBERED = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)")
_NAMED = re.compile(r"([a-z_]+)=([\w.,+-]+)")
_INPUT = re.compile(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})")

MOST_PIXELS = 16_384  # a side of the input
MOST_CHANNELS = 4096  # of the input
MOST_REPEATS = 1000  # of a block; the deepest published networks stay below 100


@dataclass(frozen=True)
class Layer:
    """One line of an architecture: a block, its options, and how often it repeats."""

    part: Part
    block: str
    options: tuple[tuple[str, Value], ...] = ()
    repeats: int = 1
    line: int = field(default=0, compare=False)  # in the text it came from, for error messages

    def get(self, name: str) -> Value | None:
        """The option called `name`, or None where the text leaves it to the block's default."""
        return dict(self.options).get(name)

    def with_options(self, **changes: Value) -> "Layer":
        """The same layer with some options changed or added."""
        return replace(self, options=tuple({**dict(self.options), **changes}.items()))

    def __str__(self) -> str:
        tokens = [self.part.ljust(5), self.block, *(_token(*option) for option in self.options)]
        return " ".join(tokens + ([f"x{self.repeats}"] if self.repeats > 1 else []))


@dataclass(frozen=True)
class Architecture:
    """An image classifier as data.

    `resolution` is the height and width of the square input in pixels, `channels`
    the number of its colour channels.
    """

    resolution: int
    channels: int
    layers: tuple[Layer, ...]

    @classmethod
    def parse(cls, text: str, origin: str = "architecture") -> "Architecture":
        """Reads the text form; `origin` (a file's name) is where errors say they are.

        Raises `InputError` naming the line and the token that is wrong.
        """
        lines = list(_content(text))
        if not lines:
            raise InputError(f"{origin}: is empty; expected 'input HxWxC' and one layer a line")
        number, first = lines[0]
        resolution, channels = _parse_input(first, f"{origin} line {number}")
        layers = tuple(_parse_layer(line, n, f"{origin} line {n}") for n, line in lines[1:])
        if not layers:
            raise InputError(f"{origin}: has no layers; expected at least one line such as 'head dense c10'")
        return cls(resolution, channels, layers)

    @cached_property
    def text(self) -> str:
        """The text form, which `parse` reads back to an equal architecture."""
        size = f"{self.resolution}x{self.resolution}x{self.channels}"
        return "\n".join([f"input {size}", *map(str, self.layers)]) + "\n"

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that equal architectures share, in any process."""
        return sha256(self.text.encode()).hexdigest()[:12]

    @property
    def classes(self) -> int:
        """The number of outputs: the channels of the last layer that has any."""
        for layer in reversed(self.layers):
            if (channels := layer.get("channels")) is not None:
                return int(channels)
        raise InputError("architecture: no layer says its channels, so there are no outputs")

    def with_input(self, resolution: int | None = None, channels: int | None = None) -> "Architecture":
        """The same layers on an input of another size or number of channels."""
        return replace(self, resolution=resolution or self.resolution, channels=channels or self.channels)

    def with_classes(self, classes: int) -> "Architecture":
        """The same network with another number of outputs."""
        layers = list(self.layers)
        for index in reversed(range(len(layers))):
            if layers[index].get("channels") is not None:
                layers[index] = layers[index].with_options(channels=classes)
                break
        return replace(self, layers=tuple(layers))


def _content(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if content := line.split("#")[0].strip():
            yield number, content


def _parse_input(line: str, where: str) -> tuple[int, int]:
    word, _, size = line.partition(" ")
    match = _INPUT.fullmatch(size.strip())
    if word != "input" or match is None:
        raise InputError(f"{where}: found '{shortened(line)}'; expected the input's size first, as 'input 224x224x3'")
    height, width, channels = map(int, match.groups())
    if height != width or min(height, channels) < 1:
        raise InputError(f"{where}: input {size.strip()} is not a square picture; expected as in 'input 224x224x3'")
    if height > MOST_PIXELS or channels > MOST_CHANNELS:
        most = f"{MOST_PIXELS}x{MOST_PIXELS}x{MOST_CHANNELS}"
        raise InputError(f"{where}: input {size.strip()} is too large; expected at most {most}")
    return height, channels


def _parse_layer(line: str, number: int, where: str) -> Layer:
    part, *rest = line.split()
    if part not in PARTS:
        raise InputError(f"{where}: {unknown('part', part, PARTS)}")
    if not rest:
        raise InputError(f"{where}: '{part}' names no block; expected as in 'stage mbconv k3 c24'")
    options: dict[str, Value] = {}
    for token in rest[1:]:
        name, value = _parse_token(token, where)
        if name in options:
            raise InputError(f"{where}: '{shortened(token)}' says {shortened(name)} a second time")
        if name == "x" and not (isinstance(value, int) and 1 <= value <= MOST_REPEATS):
            raise InputError(f"{where}: '{shortened(token)}' is no repeat count; expected x1, x2, ... x{MOST_REPEATS}")
        options[name] = value
    repeats = int(options.pop("x", 1))
    return Layer(part, rest[0], tuple(options.items()), repeats, number)  # type: ignore[arg-type]


def _parse_token(token: str, where: str) -> tuple[str, Value]:
    if match := _NAMED.fullmatch(token):
        return SHORT.get(match[1], match[1]), parse_value(match[2])
    if (match := _NUMBERED.fullmatch(token)) and (match[1] in SHORT or match[1] == "x"):
        return SHORT.get(match[1], match[1]), parse_value(match[2])
    right = "as in k3 s2 e6 c24 se0.25 act=relu6 x2, or name=value"
    raise InputError(f"{where}: cannot read '{shortened(token)}'; expected {right}")


def parse_value(text: str) -> Value:
    """An integer or a number where the text is a finite one (6.0 is 6), else the text itself.

    A number so large that not every integer is one stays as it is: 1e300 would be 301 digits.
    """
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def _token(name: str, value: Value) -> str:
    short = _LONG.get(name)
    if short and short != "act" and not isinstance(value, str) and value >= 0:
        return f"{short}{_digits(value)}" if isinstance(value, float) else f"{short}{value}"
    return f"{short or name}={value}"


def _digits(value: float) -> str:
    """The fewest digits that are read as this number, without the exponent that the short form has no room for."""
    return f"{Decimal(repr(float(value))):f}".removesuffix(".0")
