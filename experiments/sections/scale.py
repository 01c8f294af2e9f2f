"""What an experiment scales its winner to."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from experiments.sections.section import RecipeSection, Section, distinct, epochs, said
from nas.errors import InputError

MEMBERS = tuple(f"b{phi}" for phi in range(8))


def _check_member(name: str) -> str:
    if _spelled_out(name) != [name]:
        raise said(f"found '{name}'; expected the name of one member")
    return name


def _spelled_out(members: Any) -> Any:
    """b0..b3 as the list of its members; what is no text is left to be refused."""
    from scaling import parse_members

    try:
        return parse_members(members) if isinstance(members, str) else members
    except InputError as error:
        raise said(str(error).removeprefix("scaling: ")) from error


FamilyRecipe = Annotated[RecipeSection, epochs(20)]
Member = Annotated[str, AfterValidator(_check_member), Field(description="a member such as b0")]
Members = Annotated[
    tuple[Member, ...],
    Field(strict=False, description="a range such as b0..b7, or a list of members"),
    AfterValidator(distinct),
    BeforeValidator(_spelled_out),
]


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
                raise said(f"found {name}; expected members of scale.to: {', '.join(members)}")
        return train
