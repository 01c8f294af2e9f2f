"""Experiments as validated settings: the only door for input from outside.

Every mistake in a file or in a `--set` is refused in one line that says where it is, what
was found and what would be right; the latter is the description of the field.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

import pydantic
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import DataclassSchema

from experiments.complaints import SAID, first_complaint
from experiments.limits import devices_in
from experiments.objectives import check_objective, spelled
from experiments.steps import check_steps
from experiments.yaml_source import Document, dotted, read_file, with_overrides
from nas.errors import InputError, one_line, unknown
from nas.export.formats import FORMATS
from nas.export.quantization.method import NAMES as QUANTIZATIONS
from nas.search.address import check_address
from nas.search.line import DEFAULT as STEPS
from nas.search.quantities import QUANTITIES, SCORES
from nas.train.recipe import Recipe

if TYPE_CHECKING:
    from search_spaces import SearchSpace

T = TypeVar("T")

# The mean and deviation of ImageNet's pictures by colour, as published networks were trained with.
NORMALISATIONS = {"imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
MEMBERS = tuple(f"b{phi}" for phi in range(8))
BY_WHOM = ("workers", "engine", "resources", "storage")  # keys of the search that decide nothing of its results
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _said(message: str) -> PydanticCustomError:
    return PydanticCustomError(SAID, "{message}", {"message": message})


def _check_name(what: str, names: Callable[[], Iterable[str]], name: str) -> str:
    if name not in (known := tuple(names())):
        raise _said(unknown(what, name, known))
    return name


def _checked(check: Callable[[Any], None], value: T) -> T:
    try:
        check(value)
    except InputError as error:
        raise _said(str(error)) from error
    return value


# What exists is asked late: importing this module brings in neither JAX nor Optuna.


def _check_sampler(value: Any) -> Any:
    """In its one spelling."""
    from experiments.strategies import sampler_text

    try:
        return sampler_text(value)
    except InputError as error:
        raise _said(str(error)) from error


def _spaces() -> Iterable[str]:
    from search_spaces import space_names
    from search_spaces.zoo import zoo_names

    return (*space_names(), *zoo_names())


def _check_limited(name: str) -> str:
    """The name or file of a device, max(...) over several, or a quantity."""
    from nas.latency import find_device

    if name in SCORES:
        known = ", ".join(QUANTITIES)
        raise _said(f"found '{name}', which is not known before training; expected a device, or one of {known}")
    try:
        for device in devices_in(name):
            find_device(device)
    except InputError as error:
        raise _said(str(error)) from error
    return name


def _check_member(name: str) -> str:
    if _spelled_out(name) != [name]:
        raise _said(f"found '{name}'; expected the name of one member")
    return name


def _spelled_out(members: Any) -> Any:
    """b0..b3 as the list of its members; what is no text is left to be refused."""
    from scaling import parse_members

    try:
        return parse_members(members) if isinstance(members, str) else members
    except InputError as error:
        raise _said(str(error).removeprefix("scaling: ")) from error


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    if again := [value for index, value in enumerate(values) if value in values[:index]]:
        raise _said(f"found '{again[0]}' twice; expected each once")
    return values


def _with_tflite(names: tuple[str, ...]) -> tuple[str, ...]:
    """Only TFLite files are run beside the network."""
    lite = [name for name, form in FORMATS.items() if form.lite]
    if not any(name in lite for name in names):
        raise _said(f"found {', '.join(names)}; expected at least one of {', '.join(lite)}")
    return names


def _check_space(text: str) -> str:
    """The name of a space, or a text without spaces at the ends of lines, which YAML would write in quotes."""
    word = text.strip()
    if not word:
        raise _said("found no text; expected an architecture with choices in braces, or the name of a space")
    if not _NAME.fullmatch(word):
        return "".join(line.rstrip() + "\n" for line in text.splitlines())
    return _check_name("search space", _spaces, word)


def _check_folder(folder: Any) -> Any:
    """With ~ as the user's home."""
    if not isinstance(folder, str):
        return folder
    try:
        if not folder or "\0" in folder:
            raise RuntimeError
        return Path(folder).expanduser()
    except RuntimeError as error:  # there is no such user
        raise _said(f"found '{folder}'; expected a folder") from error


def _counts(limits: Any) -> Any:
    """Refuses counts below 1 by themselves, since they are no milliseconds."""
    for name in QUANTITIES:
        most = limits.get(name, 1) if isinstance(limits, dict) else 1
        if isinstance(most, bool) or not isinstance(most, int | float) or not 1 <= most < float("inf"):
            raise _said(f"found {most} {name}; expected a number of at least 1")
    return limits


def _check_engine(text: str) -> str:
    if text not in ("local", "ray") and not re.fullmatch(r"ray:[\w.-]+:\d{1,5}", text):
        raise _said(f"found '{text}'; expected local, ray, or ray:HOST:PORT with the address of a cluster")
    return text


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        raise _said(f"found {min(values):g}; expected numbers greater than 0")
    return values


def _known_normalisation(value: Any) -> Any:
    """Numbers by their name."""
    if not isinstance(value, str):
        return value
    if value not in NORMALISATIONS:
        raise _said(unknown("normalisation", value, NORMALISATIONS))
    mean, std = NORMALISATIONS[value]
    return {"mean": mean, "std": std}


class Section(BaseModel):
    """Settings that stand together: frozen, and nothing in them that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class RecipeSection(Recipe):
    """A recipe from outside, whose types are checked before its values are."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a mapping, which strictness would refuse for a dataclass; its values stay strict."""
        schema = handler(source)
        cast(DataclassSchema, handler.resolve_ref_schema(schema))["strict"] = False
        return schema

    @field_validator("*")
    @classmethod
    def _alone(cls, value: Any, info: ValidationInfo) -> Any:
        """Asks the recipe about each value beside those before it, so that a mistake is known by its key."""
        name = str(info.field_name)
        try:
            Recipe(**{**info.data, name: value})
        except InputError as error:
            raise _said(str(error).removeprefix(f"{name}: ")) from error
        return value


def _epochs(number: int) -> BeforeValidator:
    """Fills in the epochs that a recipe leaves out."""
    return BeforeValidator(lambda value: {"epochs": number, **value} if isinstance(value, dict) else value)


SearchRecipe = Annotated[RecipeSection, _epochs(5)]
WinnerRecipe = Annotated[RecipeSection, _epochs(40)]
FamilyRecipe = Annotated[RecipeSection, _epochs(20)]
Share = Annotated[float, Field(gt=0, lt=1, description="a share greater than 0 and less than 1")]
Limited = Annotated[str, AfterValidator(_check_limited)]
Milliseconds = Annotated[float, Field(gt=0, description="milliseconds greater than 0")]
Objective = Annotated[Any, AfterValidator(partial(_checked, check_objective))]
Steps = Annotated[
    tuple[Any, ...], Field(strict=False, description="a list of steps"), AfterValidator(partial(_checked, check_steps))
]
Member = Annotated[str, AfterValidator(_check_member), Field(description="a member such as b0")]
Members = Annotated[
    tuple[Member, ...],
    Field(strict=False, description="a range such as b0..b7, or a list of members"),
    AfterValidator(_distinct),
    BeforeValidator(_spelled_out),
]
SplitName = Annotated[str, AfterValidator(partial(_check_name, "split", lambda: ("train", "validation", "test")))]
PerChannel = Annotated[
    tuple[float, ...], Field(strict=False, min_length=1, max_length=3, description="a list of 1 or 3 numbers")
]
ExportFormat = Annotated[str, AfterValidator(partial(_check_name, "format", lambda: FORMATS))]
Folder = Annotated[Path, Field(strict=False, description="a folder"), BeforeValidator(_check_folder)]


class Normalisation(Section):
    """What is subtracted from each colour channel, and what the rest is divided by; for brightness of 0 to 1."""

    mean: PerChannel
    std: Annotated[PerChannel, AfterValidator(_positive)]


class Data(Section):
    """Which pictures, how they are split, and what becomes of them before a network sees them."""

    dataset: str = Field(
        "digits",
        pattern=r"^([\w:.+-]+|[^\x00-\x1f]*(/[^\x00-\x1f]*|\.npz))$",
        description="digits, a folder such as ./flowers, an .npz file, or the name of a dataset of tensorflow-datasets",
    )
    data_dir: Folder | None = None
    validation: Share = 0.15
    test: Share = Field(0.2, validate_default=True)
    splits: dict[SplitName, str] = Field({}, description="splits of tensorflow-datasets, as in {test: validation}")
    limit: int | None = Field(None, ge=1, description="the most pictures to train on, at least 1")
    channels: Literal[1, 3] | None = Field(None, description="1 for grey pictures, 3 for colour")
    resize: Literal["crop", "stretch"] = "crop"
    normalise: Annotated[Normalisation, BeforeValidator(_known_normalisation)] | None = None
    unreadable: float = Field(0.01, ge=0, lt=1, description="the share of pictures that may be undecodable, below 1")
    memory: Share = 0.25

    @field_validator("test")
    @classmethod
    def _leaves_some(cls, test: float, info: ValidationInfo) -> float:
        validation = info.data.get("validation", 0)
        if test + validation >= 1:
            raise _said(f"found {test}; expected less than {1 - validation:g}, so that some are left to train on")
        return test


class Rungs(Section):
    """When trials that fall behind the others are ended early: after which epochs, and how many go on."""

    kind: Literal["halving", "hyperband", "median"]
    first: int = Field(1, ge=1, description="the epochs before the first decision, at least 1")
    factor: int = Field(3, ge=2, description="of how many trials one goes on, and by what rungs grow; at least 2")
    trials: int = Field(4, ge=1, description="the trials that the median waits for, at least 1")

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Rungs":
        foreign, usual = ("factor", 3) if self.kind == "median" else ("trials", 4)
        if getattr(self, foreign) != usual:
            raise ValueError(f"{self.kind} has no '{foreign}'; expected it left out")
        return self


class Resources(Section):
    """What a worker has of a node of a cluster."""

    cpus: float = Field(1.0, gt=0, description="cores, greater than 0")
    gpus: float = Field(0.0, ge=0, description="GPUs, at least 0; 0.5 for two workers a GPU")


class Search(Section):
    """How many architectures are considered, which of them are trained, and how."""

    sampler: Annotated[
        str,
        Field(description="a sampler with its options, as in tpe, or {name: evolution, population: 30}"),
        BeforeValidator(_check_sampler),
    ] = "tpe"
    start: Annotated[tuple[str, ...], AfterValidator(_distinct)] = Field(
        (), strict=False, description="a list of architectures to begin with, as in [mobilenet-v2, winner.yaml]"
    )
    architectures: int = Field(40, ge=1, le=1_000_000, description="how many to consider, 1 to 1000000")
    trained: int | None = Field(None, ge=1, description="the most to train, at least 1")
    minutes: float | None = Field(None, gt=0, description="minutes that trials may take, greater than 0")
    pictures: int | None = Field(None, ge=1, description="the most pictures to train a trial on, at least 1")
    limits: Annotated[dict[Limited, Milliseconds], BeforeValidator(_counts)] = Field(
        {"edgetpu-usb": 10.0}, min_length=1, description="a device and its milliseconds, as in {edgetpu-usb: 0.4}"
    )
    objectives: Annotated[tuple[Objective, ...], AfterValidator(_distinct)] = Field(
        ("accuracy",), strict=False, min_length=1, description="a list of objectives, as in [accuracy, latency]"
    )
    choose: str | None = Field(None, description="the objective by which the winner is taken from the front")
    steps: Steps = STEPS
    deployable: Literal["edgetpu"] | None = None
    recipe: SearchRecipe = RecipeSection(epochs=5)
    rungs: Rungs | None = None
    trial_minutes: float | None = Field(None, gt=0, description="minutes that one trial may take, greater than 0")
    workers: int = Field(0, ge=0, le=1024, description="how many processes train trials, 0 for the run's own alone")
    engine: Annotated[str, AfterValidator(_check_engine)] = "local"
    resources: Resources = Resources()
    storage: Annotated[str, AfterValidator(partial(_checked, check_address))] | None = None

    @field_validator("engine")
    @classmethod
    def _has_workers(cls, engine: str, info: ValidationInfo) -> str:
        if engine != "local" and not info.data.get("workers", 1):
            raise _said(f"found '{engine}' without workers; expected search.workers of at least 1")
        return engine

    @field_validator("choose")
    @classmethod
    def _an_objective(cls, choose: str | None, info: ValidationInfo) -> str | None:
        known = [spelled(spec) for spec in info.data.get("objectives", ())]
        if choose is not None and known and choose not in known:
            raise _said(unknown("objective", choose, known))
        return choose

    @field_validator("rungs")
    @classmethod
    def _before_the_end(cls, rungs: Rungs | None, info: ValidationInfo) -> Rungs | None:
        recipe = info.data.get("recipe")
        if rungs and recipe and rungs.first >= recipe.epochs:
            found = f"found a first rung after {rungs.first} of {recipe.epochs} epochs"
            raise _said(f"{found}; expected one before the last, or more epochs in search.recipe")
        return rungs


class Scale(Section):
    """The family that the winner is scaled to, and which of its members are trained."""

    to: Members = Field(MEMBERS, min_length=1)
    train: Members = Field(default_factory=lambda data: tuple(n for n in ("b0", "b1") if n in data.get("to", ())))
    recipe: FamilyRecipe = RecipeSection(epochs=20)
    warm_start: bool = Field(False, description="true to begin with the weights of the next smaller network, or false")
    compare: bool = Field(False, description="true to train networks scaled in one dimension beside them, or false")

    @field_validator("train")
    @classmethod
    def _among_those(cls, train: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        members = info.data.get("to", MEMBERS)
        for name in train:
            if name not in members:
                raise _said(f"found {name}; expected members of scale.to: {', '.join(members)}")
        return train


class Export(Section):
    """Which files are written, and whose they are said to be."""

    formats: Annotated[
        tuple[ExportFormat, ...],
        Field(strict=False, min_length=1, description=f"a list of {', '.join(FORMATS)}"),
        AfterValidator(_distinct),
        AfterValidator(_with_tflite),
    ] = ("float32", "int8")
    author: str = Field("", max_length=200, description="who the files say has made them")
    license: str = Field("", max_length=200, description="the licence that the files name")
    quantization: Annotated[str, AfterValidator(partial(_check_name, "quantization", lambda: QUANTIZATIONS))] = "max"
    calibration_images: int = Field(200, ge=1, description="how many pictures set the ranges of int8, at least 1")


class Experiment(Section):
    """All settings of a run. Equal where the settings are, wherever they were written."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="letters, digits, - and _, 100 at most")
    seed: int = Field(0, ge=0, lt=2**32, description="an integer from 0 to 4294967295")
    data: Data = Data()
    space: Annotated[str, AfterValidator(_check_space)] = Field(
        description="an architecture with choices in braces, or the name of a space or of a network of `nas zoo`"
    )
    search: Search = Search()
    train: WinnerRecipe = RecipeSection(epochs=40)
    scale: Scale = Scale()
    export: Export = Export()
    out: Folder | None = None
    _document: Document = PrivateAttr(default_factory=lambda: Document(None, {}))

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits for what decides the results.

        Where things lie (`out`, `data.data_dir`, `data.memory`) does not, nor do comments in the space,
        nor who trains the trials and keeps the study. A key that a later version adds changes nothing
        while it has its default.
        """
        apart: Any = {"out": True, "data": {"data_dir", "memory"}, "search": set(BY_WHOM)}
        said = self.model_dump(mode="json", exclude=apart, exclude_defaults=True)
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
