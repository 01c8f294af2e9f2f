"""How an experiment searches."""

import re
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from experiments.limits import devices_in
from experiments.objectives import check_objective, spelled
from experiments.sections.section import RecipeSection, Section, checked, distinct, epochs, said
from experiments.steps import check_steps
from nas.errors import InputError, unknown
from nas.search.address import check_address
from nas.search.line import DEFAULT as STEPS
from nas.search.quantities import QUANTITIES, SCORES

BY_WHOM = ("workers", "engine", "resources", "storage")  # keys of the search that decide nothing of its results


# What exists is asked late: importing this module brings in neither JAX nor Optuna.


def _check_sampler(value: Any) -> Any:
    """In its one spelling."""
    from experiments.strategies import sampler_text

    try:
        return sampler_text(value)
    except InputError as error:
        raise said(str(error)) from error


def _check_limited(name: str) -> str:
    """The name or file of a device, max(...) over several, or a quantity."""
    from nas.latency import find_device

    if name in SCORES:
        known = ", ".join(QUANTITIES)
        raise said(f"found '{name}', which is not known before training; expected a device, or one of {known}")
    try:
        for device in devices_in(name):
            find_device(device)
    except InputError as error:
        raise said(str(error)) from error
    return name


def _counts(limits: Any) -> Any:
    """Refuses counts below 1 by themselves, since they are no milliseconds."""
    for name in QUANTITIES:
        most = limits.get(name, 1) if isinstance(limits, dict) else 1
        if isinstance(most, bool) or not isinstance(most, int | float) or not 1 <= most < float("inf"):
            raise said(f"found {most} {name}; expected a number of at least 1")
    return limits


def _check_engine(text: str) -> str:
    if text not in ("local", "ray") and not re.fullmatch(r"ray:[\w.-]+:\d{1,5}", text):
        raise said(f"found '{text}'; expected local, ray, or ray:HOST:PORT with the address of a cluster")
    return text


SearchRecipe = Annotated[RecipeSection, epochs(5)]
Limited = Annotated[str, AfterValidator(_check_limited)]
Milliseconds = Annotated[float, Field(gt=0, description="milliseconds greater than 0")]
Objective = Annotated[Any, AfterValidator(partial(checked, check_objective))]
Steps = Annotated[
    tuple[Any, ...], Field(strict=False, description="a list of steps"), AfterValidator(partial(checked, check_steps))
]


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
    start: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), strict=False, description="a list of architectures to begin with, as in [mobilenet-v2, winner.yaml]"
    )
    architectures: int = Field(40, ge=1, le=1_000_000, description="how many to consider, 1 to 1000000")
    trained: int | None = Field(None, ge=1, description="the most to train, at least 1")
    minutes: float | None = Field(None, gt=0, description="minutes that trials may take, greater than 0")
    pictures: int | None = Field(None, ge=1, description="the most pictures to train a trial on, at least 1")
    limits: Annotated[dict[Limited, Milliseconds], BeforeValidator(_counts)] = Field(
        {"edgetpu-usb": 10.0}, min_length=1, description="a device and its milliseconds, as in {edgetpu-usb: 0.4}"
    )
    objectives: Annotated[tuple[Objective, ...], AfterValidator(distinct)] = Field(
        ("accuracy",), strict=False, min_length=1, description="a list of objectives, as in [accuracy, latency]"
    )
    choose: str | None = Field(None, description="the objective by which the winner is taken from the front")
    steps: Steps = STEPS
    deployable: Literal["edgetpu"] | None = None
    recipe: SearchRecipe = RecipeSection(epochs=5)
    rungs: Rungs | None = None
    trial_minutes: float | None = Field(None, gt=0, description="minutes that one trial may take, greater than 0")
    workers: int = Field(
        0, ge=0, le=1024, description="how many processes train trials, 1 to 1024, or 0 for the run's own alone"
    )
    engine: Annotated[str, AfterValidator(_check_engine)] = "local"
    resources: Resources = Resources()
    storage: Annotated[str, AfterValidator(partial(checked, check_address))] | None = None

    @field_validator("engine")
    @classmethod
    def _has_workers(cls, engine: str, info: ValidationInfo) -> str:
        if engine != "local" and not info.data.get("workers", 1):
            raise said(f"found '{engine}' without workers; expected search.workers of at least 1")
        return engine

    @field_validator("choose")
    @classmethod
    def _an_objective(cls, choose: str | None, info: ValidationInfo) -> str | None:
        known = [spelled(spec) for spec in info.data.get("objectives", ())]
        if choose is not None and known and choose not in known:
            raise said(unknown("objective", choose, known))
        return choose

    @field_validator("rungs")
    @classmethod
    def _before_the_end(cls, rungs: Rungs | None, info: ValidationInfo) -> Rungs | None:
        recipe = info.data.get("recipe")
        if rungs and recipe and rungs.first >= recipe.epochs:
            found = f"found a first rung after {rungs.first} of {recipe.epochs} epochs"
            raise said(f"{found}; expected one before the last, or more epochs in search.recipe")
        return rungs
