"""What a reader of data found, and the three splits made of it."""

from typing import NamedTuple
from unicodedata import category

import numpy as np

from nas.errors import InputError, one_line
from nas.train.data import SPLITS, Dataset, Split, stratified

_NO_TEXT = (
    "Cc",
    "Cs",
    "Zl",
    "Zp",
)  # categories of control characters, of bytes that are no UTF-8, and of ends of lines


class Found(NamedTuple):
    """What a reader found; a split that is None is to be taken from `train`."""

    name: str
    train: Split
    validation: Split | None
    test: Split | None
    classes: tuple[str, ...]


def with_splits(found: Found, validation: float, test: float, seed: int) -> Dataset:
    """All three splits; test is taken first, so that it does not depend on what is validated."""
    train, checked, held_out = found.train, found.validation, found.test
    generator = np.random.default_rng(seed)
    left = 1.0
    if held_out is None:
        if validation + test >= 1:
            raise InputError(f"data: validation {validation} and test {test} leave nothing to train on; expected less")
        held_out, train = _carve(train, test, generator)
        left = 1 - test
    if checked is None:
        checked, train = _carve(train, validation / left, generator)
    for name, split in zip(SPLITS, (train, checked, held_out), strict=True):
        if not len(split):
            raise InputError(f"data: '{found.name}' has no pictures for {name}; expected some")
    return Dataset(found.name, train, checked, held_out, found.classes)


def _carve(split: Split, fraction: float, generator: np.random.Generator) -> tuple[Split, Split]:
    mask = stratified(split.labels, fraction, generator)
    return split.take(np.flatnonzero(mask)), split.take(np.flatnonzero(~mask))


def require_classes(found: Found) -> None:
    """Refuses a single class, and names that are no line of UTF-8, as files of labels and exported ones have them."""
    for name in found.classes:
        if not name.strip() or any(category(character) in _NO_TEXT for character in name):
            said = f"data: found a class called '{one_line(name)}' in {found.name}"
            raise InputError(f"{said}; expected a line of text in UTF-8, without control characters")
    if len(found.classes) < 2:
        named = f" ('{found.classes[0]}')" if found.classes else ""
        raise InputError(
            f"data: found {len(found.classes)} class{named} in {found.name}; expected at least 2, "
            "in a folder a subfolder for each"
        )


def require_labels(found: Found) -> None:
    """Refuses labels that are no class, and classes that nothing is trained on."""
    last = len(found.classes) - 1
    for name, split in zip(SPLITS, (found.train, found.validation, found.test), strict=True):
        if split is None or not len(split):
            continue
        low, high = int(split.labels.min()), int(split.labels.max())
        if low < 0 or high > last:
            raise InputError(
                f"data: labels for {name} reach from {low} to {high}; "
                f"expected 0 to {last}, the {last + 1} classes of {found.name}"
            )
    absent = np.setdiff1d(np.arange(last + 1), found.train.labels)
    if len(absent):
        named = f"{absent[0]} ('{found.classes[absent[0]]}')"
        raise InputError(f"data: no picture to train on has class {named}; expected some of each of {last + 1}")
