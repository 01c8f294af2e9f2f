"""Class names, one a line."""

from pathlib import Path

from nas.errors import InputError
from nas.export.model import read
from nas.files import read_text

NAME = "labels.txt"


def read_labels(path: Path | str, classes: int) -> list[str]:
    """The class names in a text file, in the order of a model's outputs.

    Raises `InputError` where the file cannot be read or has not `classes` lines.
    """
    lines = read_text(Path(path), "a text file of class names").rstrip().splitlines()
    if len(lines) != classes:
        raise InputError(f"{path}: has {len(lines)} class names; the model has {classes} outputs, expected one a line")
    return [line.strip() for line in lines]


def labels_in(folder: Path) -> tuple[str, ...]:
    """The class names in labels.txt in a folder, none where there is no such file.

    Raises `InputError` where it cannot be read.
    """
    file = folder / NAME
    return tuple(read_text(file, "a text file of class names").splitlines()) if file.is_file() else ()


def labels_beside(model: Path, classes: int) -> list[str] | None:
    """The class names in the model's metadata, else those in labels.txt in its folder, or None where neither is.

    The folder's may be another model's; the metadata's count where they are as many as `classes`.
    Raises `InputError` where only names of another number are there.
    """
    card, path = read(model).card, model.with_name(NAME)
    labels = [] if card is None else list(card.labels)
    if len(labels) == classes:
        return labels
    if path.is_file():
        return read_labels(path, classes)
    if not labels:
        return None
    raise InputError(f"{model}: its metadata has {len(labels)} class names; expected one for each of {classes}")
