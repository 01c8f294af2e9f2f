from dataclasses import replace
from typing import Any

import pytest

from nas.errors import InputError
from nas.train.recipe import Recipe


def test_recipes_are_equal_and_hashed_by_what_they_say() -> None:
    assert Recipe(augment=["shift", "flip"]) == Recipe(augment=("shift", "flip"))
    assert Recipe(augment=["mixup alpha=0.20", "shift part=0.125"]) == Recipe(augment=("mixup", "shift"))
    assert Recipe(augment=["mixup alpha=0.4"]).augment == ("mixup alpha=0.4",)
    assert len({Recipe(), Recipe(), Recipe(epochs=2)}) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "epochs: found 0; expected 1 to"),
        ({"batch_size": 1}, "batch_size: found 1; expected 2 to"),
        ({"learning_rate": 0.0}, "learning_rate: found 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate: found nan"),
        ({"ema": 1.0}, "ema: found 1.0; expected 0 to"),
        ({"optimizer": "adamv"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "schedule: unknown schedule 'cosin'; did you mean 'cosine'"),
        ({"precision": "float16"}, "precision: unknown precision 'float16'; did you mean 'bfloat16'"),
        ({"augment": ["flop"]}, "did you mean 'flip'"),
        ({"augment": [""]}, "unknown augmentation ''"),
        ({"augment": ["mixup 0.2"]}, "augment: mixup: found '0.2'; expected an option and its number"),
        ({"augment": ["mixup beta=0.2"]}, "augment: mixup: unknown option 'beta'. Known: alpha"),
        ({"augment": ["mixup alpha=2"]}, "augment: mixup: alpha: found 2; expected 0.01 to 1"),
        ({"augment": ["randaugment layers=1.5"]}, "layers: found 1.5; expected a whole number, 1 to 8"),
        ({"augment": ["erase smallest=0.5"]}, "augment: erase: smallest: found 0.5; expected at most 0.33"),
        ({"accumulate": 3}, "accumulate: found 3; expected parts of one size, 2 or more, of a batch of 64"),
        ({"accumulate": 64}, "accumulate: found 64; expected parts"),
        ({"stochastic_depth": 1}, "stochastic_depth: found 1; expected 0 to"),
        ({"progressive_from": 0}, "progressive_from: found 0; expected 0.05 to 1"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Recipe(), **change)
