"""Experiments as validated settings: the only door for input from outside.

Every mistake in a file or in a `--set` is refused in one line that says where it is, what
was found and what would be right; the latter is the description of the field.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import AfterValidator, Field, PrivateAttr, ValidationError

from experiments.complaints import first_complaint
from experiments.sections.data import WHERE, Data, Folder
from experiments.sections.export import Export
from experiments.sections.scale import Scale
from experiments.sections.search import BY_WHOM, Search
from experiments.sections.section import Section, check_name, said
from experiments.sections.train import Train, WinnerTrain
from experiments.yaml_source import Document, dotted, read_file, with_overrides
from nas.errors import InputError, one_line

if TYPE_CHECKING:
    from search_spaces import SearchSpace

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _spaces() -> Iterable[str]:
    from search_spaces import space_names
    from search_spaces.zoo import zoo_names

    return (*space_names(), *zoo_names())


def _check_space(text: str) -> str:
    """The name of a space, or a text without spaces at the ends of lines, which YAML would write in quotes."""
    word = text.strip()
    if not word:
        raise said("found no text; expected an architecture with choices in braces, or the name of a space")
    if not _NAME.fullmatch(word):
        return "".join(line.rstrip() + "\n" for line in text.splitlines())
    return check_name("search space", _spaces, word)


class Experiment(Section):
    """All settings of a run. Equal where the settings are, wherever they were written."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="letters, digits, - and _, 100 at most")
    seed: int = Field(0, ge=0, lt=2**32, description="an integer from 0 to 4294967295")
    data: Data = Data()
    space: Annotated[str, AfterValidator(_check_space)] = Field(
        description="an architecture with choices in braces, or the name of a space or of a network of `nas zoo`"
    )
    search: Search = Search()
    train: WinnerTrain = Train(epochs=40)
    scale: Scale = Scale()
    export: Export = Export()
    out: Folder | None = None
    _document: Document = PrivateAttr(default_factory=lambda: Document(None, {}))

    @property
    def apart(self) -> dict[str, Any]:
        """The keys that decide nothing of the results: where things lie, and who does the work."""
        return {"out": True, "data": WHERE, "search": dict.fromkeys(BY_WHOM, True)}

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits for what decides the results.

        Where things lie (`out`, `data.data_dir`, the folder of `data.dataset`) does not, nor `data.memory`,
        nor do comments in the space, nor who trains the trials and keeps the study. A key that a later
        version adds changes nothing while it has its default.
        """
        return self._digest(self.data.name)

    @property
    def former_digest(self) -> str:
        """What an earlier version had for it, which took the path of the pictures as it was typed."""
        return self._digest(str(self._document.value(("data", "dataset")) or self.data.dataset))

    def _digest(self, dataset: str) -> str:
        said = self.model_dump(mode="json", exclude=self.apart, exclude_defaults=True)
        if "dataset" in said.get("data", {}):
            said["data"]["dataset"] = dataset
        settings = {key: value for key, value in said.items() if value != {}}
        lines = (" ".join(line.split("#")[0].split()) for line in self.space.splitlines())
        settings["space"] = [line for line in lines if line]
        return sha256(json.dumps(settings).encode()).hexdigest()[:12]

    def to_yaml(self) -> str:
        """All settings as YAML, defaults too, which `load_experiment` reads back to an equal experiment."""
        return yaml.dump(self.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)

    def where(self, *path: str) -> str:
        """Where a setting is written, as messages begin: 'quickstart.yaml line 9: search.limits'."""
        return one_line(f"{self._document.place(path)}: {dotted(path)}")

    def search_space(self) -> "SearchSpace":
        """The space, read; raises `InputError` that names the line of this experiment's file."""
        from search_spaces import SearchSpace, load_space  # brings in JAX

        place = self._document.place(("space",))
        # With as many empty lines before the text as before it in the file, its line numbers are the file's.
        text = "\n" * place.text_line + self.space
        space = load_space(self.space) if _NAME.fullmatch(self.space) else SearchSpace.parse(text, place.origin)
        said = self.data.normalise
        return replace(space, normalise=(said.mean, said.std)) if said else space


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in the YAML file `path`, with each 'a.b=c' of `overrides` put in its place.

    Raises `InputError` for the first mistake by line, in one line.
    """
    try:
        return _experiment(with_overrides(read_file(path), overrides), path)
    except InputError as error:
        raise InputError(one_line(str(error))) from error


def _experiment(document: Document, path: Path) -> Experiment:
    if not isinstance(document.values, dict):
        found = "is empty" if document.values is None else "holds no keys"
        raise InputError(f"{path}: {found}; expected an experiment, with at least the keys name and space")
    try:
        experiment = Experiment.model_validate(document.values)
    except ValidationError as error:
        raise first_complaint(error, document, Experiment.model_json_schema()) from error
    experiment._document = document
    return experiment


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and lists in brackets."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def represent_items(self, items: list[object]) -> yaml.SequenceNode:
        return self.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(list, _Dumper.represent_items)
