from dataclasses import replace
from typing import Any

import pytest

from nas.errors import InputError
from nas.train.recipe import Recipe


def test_recipes_are_equal_and_hashed_by_what_they_say() -> None:
    assert Recipe(augment=["shift", "flip"]) == Recipe(augment=("shift", "flip"))
    assert len({Recipe(), Recipe(), Recipe(epochs=2)}) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "epochs: found 0; expected 1 to"),
        ({"batch_size": 1}, "batch_size: found 1; expected 2 to"),
        ({"learning_rate": 0.0}, "learning_rate: found 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate: found nan"),
        ({"ema": 1.0}, "ema: found 1.0; expected 0 to"),
        ({"optimizer": "adamv"}, "did you mean 'adamw'"),
        ({"augment": ["flop"]}, "did you mean 'flip'"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Recipe(), **change)
