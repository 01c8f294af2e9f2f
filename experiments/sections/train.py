"""How the winner is trained, and what a training learns from beside its labels."""

from dataclasses import fields
from typing import Annotated

import pydantic
from pydantic import ConfigDict, Field

from experiments.sections.section import RecipeSection, Section, epochs
from nas.train.recipe import Recipe


class Teaching(Section):
    """A trained network to learn from, and how much (arXiv 1503.02531)."""

    network: str = Field(min_length=1, description="the folder of a training, run or checkpoint, as in runs/large")
    weight: float = Field(0.5, ge=0, le=1, description="the teacher's share of the loss, 0 to 1")
    temperature: float = Field(4.0, ge=0.1, le=100, description="by which outputs are softened, 0.1 to 100")


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Train(RecipeSection):
    """A recipe, and maybe a teacher."""

    teacher: Teaching | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe by itself."""
        return Recipe(**{field.name: getattr(self, field.name) for field in fields(Recipe)})


WinnerTrain = Annotated[Train, epochs(40)]
