"""What a run says of itself in `metrics.json`. Every part may be missing: the run may be under way."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    """A part of the file; keys this report does not show are let pass."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Machine(Part):
    """The machine a run was on."""

    cores: int | None = None
    processor: str = ""
    platform: str = ""


class Data(Part):
    """The data set and the number of images in each split."""

    dataset: str
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    classes: tuple[str, ...] = ()


class Setup(Part):
    """How the search was set up: the device, what its milliseconds are, and the most of them."""

    sampler: str = ""
    device: str = ""
    evidence: str = ""
    limit_ms: float | None = None


class Tally(Part):
    """How many trials there were, of how many distinct architectures, and how many ended how."""

    trials: int = 0
    architectures: int = 0
    trained: int = 0
    infeasible: int = 0
    duplicate: int = 0
    failed: int = 0
    pruned: int = 0
    screened: int = 0


class Search(Setup, Tally):
    """The search: its set-up and its counts."""


class Stage(Part):
    """One block of the winner; shapes are (height, width, channels), the latency is in ms."""

    name: str
    kind: str = ""
    options: str = ""
    in_shape: tuple[int, ...] = ()
    out_shape: tuple[int, ...] = ()
    params: int | None = None
    macs: int | None = None
    latency_ms: float | None = None


class Epoch(Part):
    """One epoch of the winner's training."""

    epoch: int
    train_loss: float | None = None
    validation_accuracy: float | None = None


class ClassResult(Part):
    """One class of the test split: its pictures, and the share of them that is recognised."""

    name: str
    pictures: int
    accuracy: float | None = None


class Evaluation(Part):
    """The winner on the test split; shares are 0 to 1, `confusion[i][j]` counts pictures of class i answered with j."""

    pictures: int
    top1: float
    top5: float | None = None
    calibration_error: float | None = None
    classes: tuple[ClassResult, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()

    @model_validator(mode="after")
    def _square(self) -> "Evaluation":
        if {len(self.classes)} != {len(self.confusion), *map(len, self.confusion)}:
            raise ValueError("confusion is no square of as many rows as there are classes")
        return self


class Winner(Part):
    """The best network found; `latency_ms` maps devices to milliseconds, `evidence` to what those are."""

    trial: int | None = None
    digest: str = ""
    architecture: str = ""
    params: int | None = None
    macs: int | None = None
    latency_ms: dict[str, float] = Field(default_factory=dict)
    evidence: dict[str, str] = Field(default_factory=dict)
    search_accuracy: float | None = None  # on the validation split, as a trial
    validation_accuracy: float | None = None  # after its best epoch from scratch; in winner.yaml as a trial
    test_accuracy: float | None = None
    evaluation: Evaluation | None = None
    epochs: int | None = None
    best_epoch: int | None = None  # in validation, after which it was tested and exported
    stages: tuple[Stage, ...] = ()
    history: tuple[Epoch, ...] = ()
    how: str | dict[str, Any] | None = None  # only winner.yaml has it


class Member(Part):
    """One network of the family the winner was scaled to; the latency is in ms.

    `scaled_by` is the one dimension that grew, "" for the family's members, of which all three did.
    """

    name: str
    scaled_by: str = ""
    phi: float | None = None
    resolution: int | None = None
    width: float | None = None
    depth: float | None = None
    channels: str = ""
    depths: str = ""
    params: int | None = None
    macs: int | None = None
    latency_ms: float | None = None
    cached_bytes: int | None = None
    streamed_bytes: int | None = None
    crosses_memory: bool | None = None
    test_accuracy: float | None = None


class Format(Part):
    """One form of the exported network; `latency_ms` is measured on the machine of the run."""

    format: str
    accuracy: float | None = None
    agreement: float | None = None
    largest_difference: float | None = None
    bytes: int | None = None
    latency_ms: float | None = None


class Op(Part):
    """One op of the int8 file, and whether an Edge TPU would take it."""

    op: str
    version: int | None = None
    count: int = 1
    mapped: bool
    reason: str = ""


class Export(Part):
    """The exported network beside the one it came from."""

    images: int | None = None
    rows: tuple[Format, ...] = ()
    edgetpu: bool | None = None
    ops: tuple[Op, ...] = ()


class Metrics(Part):
    """The whole file."""

    experiment: str | None = None
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    machine: Machine | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    data: Data | None = None
    search: Search | None = None
    winner: Winner | None = None
    family: tuple[Member, ...] | None = None
    not_scaled: str = ""  # why the winner cannot be scaled to some members
    export: Export | None = None
    test_accuracy: float | None = None
    int8_accuracy: float | None = None
    latency_ms: float | None = None
