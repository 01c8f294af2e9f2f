"""Which pictures an experiment has."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from experiments.sections.section import Section, check_name, said
from nas.errors import one_line, unknown
from nas.train.loading import is_path

# The mean and deviation of ImageNet's pictures by colour, as published networks were trained with.
NORMALISATIONS = {"imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


def _check_folder(folder: Any) -> Any:
    """With ~ as the user's home."""
    if not isinstance(folder, str):
        return folder
    try:
        if not folder or "\0" in folder:
            raise RuntimeError
        return Path(folder).expanduser()
    except RuntimeError as error:  # there is no such user
        raise said(f"found '{folder}'; expected a folder") from error


def _absolute(path: Path) -> Path:
    """The same from any folder, and as it is spelled, unless it goes up: where that leads depends on links."""
    path = path.absolute()
    if ".." in path.parts:
        path = path.resolve() if path.name == ".." else path.parent.resolve() / path.name
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise said(f"found '{one_line(str(path))}'; expected a path in UTF-8") from error
    return path


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        raise said(f"found {min(values):g}; expected numbers greater than 0")
    return values


def _known_normalisation(value: Any) -> Any:
    """Numbers by their name."""
    if not isinstance(value, str):
        return value
    if value not in NORMALISATIONS:
        raise said(unknown("normalisation", value, NORMALISATIONS))
    mean, std = NORMALISATIONS[value]
    return {"mean": mean, "std": std}


WHERE = {"data_dir": True, "memory": True}  # keys of the pictures' section that decide nothing of what they are

Share = Annotated[float, Field(gt=0, lt=1, description="a share greater than 0 and less than 1")]
SplitName = Annotated[str, AfterValidator(partial(check_name, "split", lambda: ("train", "validation", "test")))]
PerChannel = Annotated[
    tuple[float, ...], Field(strict=False, min_length=1, max_length=3, description="a list of 1 or 3 numbers")
]
Folder = Annotated[Path, Field(strict=False, description="a folder"), BeforeValidator(_check_folder)]
Everywhere = Annotated[Folder, AfterValidator(_absolute)]  # the same wherever the settings are read again


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
    data_dir: Everywhere | None = None
    validation: Share = 0.15
    test: Share = Field(0.2, validate_default=True)
    splits: dict[SplitName, str] = Field({}, description="splits of tensorflow-datasets, as in {test: validation}")
    limit: int | None = Field(None, ge=1, description="the most pictures to train on, at least 1")
    channels: Literal[1, 3] | None = Field(None, description="1 for grey pictures, 3 for colour")
    resize: Literal["crop", "stretch"] = "crop"
    normalise: Annotated[Normalisation, BeforeValidator(_known_normalisation)] | None = None
    unreadable: float = Field(0.01, ge=0, lt=1, description="the share of pictures that may be undecodable, below 1")
    memory: Share = 0.25

    @field_validator("dataset")
    @classmethod
    def _from_anywhere(cls, dataset: str) -> str:
        return str(_absolute(_check_folder(dataset))) if is_path(dataset) else dataset

    @field_validator("test")
    @classmethod
    def _leaves_some(cls, test: float, info: ValidationInfo) -> float:
        validation = info.data.get("validation", 0)
        if test + validation >= 1:
            raise said(f"found {test}; expected less than {1 - validation:g}, so that some are left to train on")
        return test

    @property
    def name(self) -> str:
        """The data set's name, of a path the last part."""
        return Path(self.dataset).name if is_path(self.dataset) else self.dataset

    def moved(self, other: "Data") -> "Data":
        """The same at the other's place, where its pictures may be these: of a path as named, and gone from here."""
        here, there = Path(self.dataset), Path(other.dataset)
        if not (is_path(self.dataset) and is_path(other.dataset)) or self.name != other.name:
            return self
        if here.exists() and not (there.exists() and here.samefile(there)):
            return self
        return self.model_copy(update={"dataset": other.dataset})

    def beside(self, count: int) -> "Data":
        """The same where so many processes of one machine read it, each of which has its share of the memory."""
        return self.model_copy(update={"memory": self.memory / count})
