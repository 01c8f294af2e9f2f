"""A search for the proportions of compound scaling as validated settings, and the folder that it has."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from experiments.complaints import SAID
from experiments.training import Training, TrainingFolder, load_settings
from nas.architecture import Part
from nas.errors import InputError
from scaling import Rules

MACS = "macs"


def _check_cost(name: str) -> str:
    from nas.latency import load_device

    if name != MACS:
        try:
            load_device(name)
        except InputError as error:
            raise PydanticCustomError(SAID, "{message}", {"message": f"{error} (or {MACS})"}) from error
    return name


class ProportionSearch(Training):
    """Which network is to be scaled, how members are rounded, what they may cost, and how each is trained."""

    cost: Annotated[str, AfterValidator(_check_cost)] = MACS
    parts: int = Field(4, ge=1, le=20, description="into how many parts the doubling is shared out, 1 to 20")
    pictures: int | None = Field(None, ge=1, description="the most pictures to train on, at least 1")
    divisor: int | None = Field(None, ge=1, description="what widths are multiples of, at least 1")
    multiple: int = Field(2, ge=1, description="what resolutions are multiples of, at least 1")
    depths: Literal["ceil", "nearest"] = "ceil"
    fixed_stem_head: bool = False
    fixed_ends: bool = False

    @property
    def rules(self) -> Rules:
        """How members are rounded, and what of them stays."""
        fixed: tuple[Part, ...] = ("stem", "head") if self.fixed_stem_head else ()
        return Rules(self.divisor, self.multiple, self.depths, fixed, self.fixed_ends)

    @property
    def options(self) -> str:
        """What has `nas scale` round members so, where it would not by itself."""
        said = {"divisor": self.divisor, "multiple": self.multiple, "depths": self.depths}
        usual = {name: ProportionSearch.model_fields[name].default for name in said}
        words = [f"--{name} {value}" for name, value in said.items() if value != usual[name]]
        words += ["--fixed-stem-head"] * self.fixed_stem_head + ["--fixed-ends"] * self.fixed_ends
        return " ".join(words)


class ProportionFolder(TrainingFolder):
    """Where one search keeps everything."""

    what = "search for proportions"
    file = "proportions.yaml"

    @staticmethod
    def load(file: Path) -> ProportionSearch:
        """Reads what `keep` has written."""
        return load_settings(file, ProportionSearch)
