"""ARCH as users give it: a zoo name, a file such as winner.yaml, or the folder of a run or a training."""

from pathlib import Path
from typing import NamedTuple

from nas.architecture import Architecture
from nas.blocks import canonical
from nas.errors import InputError, one_line
from nas.files import read_text

TRAINED = "architecture.yaml"  # what `nas train` writes
SUFFIXES = (".yaml", ".yml", ".arch", ".txt")


class Named(NamedTuple):
    """An architecture, what it is called, and where it is written, as messages begin."""

    name: str
    architecture: Architecture
    origin: str


def load_architecture(source: str) -> Named:
    """The architecture that `source` names.

    A file is either the text form itself or YAML with the text under `architecture`.
    Raises `InputError` where there is none or it cannot be read.
    """
    named = _load(source)
    if all(layer.get("channels") is None for layer in named.architecture.layers):
        raise InputError(f"{named.origin}: no layer says its channels; expected outputs, as from 'head dense c10'")
    return named


def is_folder(source: str) -> bool:
    """Whether ARCH_OR_RUN is a folder, and so a run."""
    try:
        return bool(source) and Path(source).is_dir()
    except (OSError, ValueError):  # too long for a path
        return False


def _load(source: str) -> Named:
    path = Path(source)
    if is_folder(source):
        path = path / ("winner.yaml" if (path / "winner.yaml").exists() else TRAINED)
        if not path.exists():
            raise InputError(
                f"{source}: holds no winner.yaml; expected a run's folder whose search has ended, or a training's"
            )
    if path.suffix in SUFFIXES or "/" in source or _is_there(path):
        return _read(path)
    from search_spaces.zoo import zoo

    try:
        return Named(source, canonical(zoo(source), source), source)
    except InputError as error:
        raise InputError(f"{error}; nor is there a file or a folder of that name") from error


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() or path.is_fifo()
    except (OSError, ValueError):
        return False


def _read(path: Path) -> Named:
    if path.suffix in (".yaml", ".yml"):
        return _read_yaml(path)
    if not path.suffix and not path.exists():
        raise InputError(
            f"{path}: does not exist; expected an architecture's file, or the folder of a run or a training"
        )
    text = read_text(path, "an architecture's text")
    return Named(path.stem, canonical(Architecture.parse(text, str(path)), str(path)), str(path))


def _read_yaml(path: Path) -> Named:
    from experiments.yaml_source import read_file

    document = read_file(path)
    text = document.value(("architecture",))
    if text is None:
        raise InputError(f"{path}: has no architecture; expected the key 'architecture' with an architecture's text")
    place = document.place(("architecture",))
    if not isinstance(text, str):
        raise InputError(f"{place}: architecture: found {one_line(repr(text)[:60])}; expected an architecture's text")
    name = document.value(("name",))
    # With as many empty lines before the text as before it in the file, its line numbers are the file's.
    architecture = Architecture.parse("\n" * place.text_line + text, str(path))
    return Named(name if isinstance(name, str) else path.stem, canonical(architecture, str(path)), str(path))
