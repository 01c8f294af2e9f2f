"""The kinds of augmentation there are, as data: their names, their options, and how both are written."""

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar

from nas.errors import InputError, unknown

Ranges = dict[str, tuple[float, float]]
_OPTION = re.compile(r"([a-z_]+)=([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)")


@dataclass(frozen=True)
class Kind:
    """One augmentation with its options; `ranges` says what these may be."""

    ranges: ClassVar[Ranges] = {}

    @property
    def mixes(self) -> bool:
        """Whether pictures are mixed with one another, and so their labels."""
        return isinstance(self, Mixup | Cutmix)


@dataclass(frozen=True)
class Flip(Kind):
    """Half of the pictures mirrored left to right."""


@dataclass(frozen=True)
class Shift(Kind):
    """Every picture moved by up to `part` of its side in both directions, its edge repeated where it left."""

    part: float = 0.125

    ranges: ClassVar[Ranges] = {"part": (0.001, 0.9)}


@dataclass(frozen=True)
class Crop(Kind):
    """A part of every picture, `smallest` of its area or more, at any place, enlarged to the whole.

    As networks for ImageNet are trained (arXiv 1409.4842, section 6), with sides in one proportion.
    """

    smallest: float = 0.25

    ranges: ClassVar[Ranges] = {"smallest": (0.01, 1)}


@dataclass(frozen=True)
class Erase(Kind):
    """A rectangle in a `share` of the pictures, `smallest` to `largest` of the area, replaced by noise.

    Random erasing, arXiv 1708.04896.
    """

    share: float = 0.5
    smallest: float = 0.02
    largest: float = 0.33

    ranges: ClassVar[Ranges] = {"share": (0, 1), "smallest": (0.001, 1), "largest": (0.001, 1)}

    def __post_init__(self) -> None:
        if self.smallest > self.largest:
            said = f"found {self.smallest}; expected at most {self.largest}, the largest"
            raise InputError(f"augment: erase: smallest: {said}")


@dataclass(frozen=True)
class Randaugment(Kind):
    """Each picture changed by `layers` operations drawn from fourteen, all of one `magnitude` out of 10.

    Of arXiv 1909.13719; what the operations do at a magnitude is in `randaugment`.
    """

    layers: int = 2
    magnitude: float = 9

    ranges: ClassVar[Ranges] = {"layers": (1, 8), "magnitude": (0, 10)}


@dataclass(frozen=True)
class Mixup(Kind):
    """Every picture and its label averaged with another's, by a weight from Beta(alpha, alpha) (arXiv 1710.09412)."""

    alpha: float = 0.2

    ranges: ClassVar[Ranges] = {"alpha": (0.01, 1)}


@dataclass(frozen=True)
class Cutmix(Kind):
    """A rectangle of every picture taken from another, whose label counts by its area (arXiv 1905.04899).

    The share that stays is from Beta(alpha, alpha).
    """

    alpha: float = 1.0

    ranges: ClassVar[Ranges] = {"alpha": (0.01, 1)}


KINDS: dict[str, type[Kind]] = {
    kind.__name__.lower(): kind for kind in (Crop, Cutmix, Erase, Flip, Mixup, Randaugment, Shift)
}


@lru_cache(maxsize=256)
def read(text: str) -> Kind:
    """The augmentation that a text such as "flip" or "randaugment layers=1 magnitude=7" asks for.

    Raises `InputError` for what it cannot be.
    """
    name, *words = text.split() or [""]
    if name not in KINDS:
        raise InputError(f"augment: {unknown('augmentation', name, KINDS)}")
    kind = KINDS[name]
    given: dict[str, float] = {}
    for word in words:
        match = _OPTION.fullmatch(word)
        if match is None:
            wanted = "an option and its number, as in mixup alpha=0.2"
            raise InputError(f"augment: {name}: found '{word}'; expected {wanted}")
        given[match[1]] = _value(kind, name, match[1], match[2])
    return kind(**given)


def written(kind: Kind) -> str:
    """The shortest text that `read` makes this augmentation of: one spelling for equal ones."""
    said = [f"{f.name}={getattr(kind, f.name):.9g}" for f in fields(kind) if getattr(kind, f.name) != f.default]
    return " ".join([type(kind).__name__.lower(), *said])


def _value(kind: type[Kind], name: str, option: str, digits: str) -> float:
    if option not in kind.ranges:
        raise InputError(f"augment: {name}: {unknown('option', option, kind.ranges)}")
    low, high = kind.ranges[option]
    whole = isinstance(getattr(kind, option), int)
    if not low <= float(digits) <= high or (whole and not digits.isdigit()):
        wanted = f"{'a whole number, ' * whole}{low} to {high}"
        raise InputError(f"augment: {name}: {option}: found {digits}; expected {wanted}")
    return int(digits) if whole else float(digits)
