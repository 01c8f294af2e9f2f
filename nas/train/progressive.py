"""Progressive learning (arXiv 2104.00298, section 4): small pictures, little changed, first."""

from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from nas.train.recipe import Recipe


@dataclass(frozen=True)
class Growth:
    """How pictures grow over the epochs of a training to `side`, that of the network's own pictures."""

    recipe: Recipe
    side: int

    def require_fit(self, architecture: Architecture) -> None:
        """Raises `InputError` where a network does not read the smallest pictures with the same weights."""
        side, _ = self.at(1)
        smaller = architecture.with_input(side)
        if trace(smaller).params != trace(architecture).params:
            found = f"found {self.recipe.progressive_from}, which begins with {side}x{side} pixels"
            raise InputError(f"progressive_from: {found}; expected a network with as many weights for any size")

    def at(self, epoch: int) -> tuple[int, np.float32]:
        """The pictures' side in an epoch, from 1, and the strength (0 to 1) of augmentation and dropout."""
        stages = min(self.recipe.progressive_stages, self.recipe.epochs)
        if stages == 1:
            return self.side, np.float32(1)
        stage = (epoch - 1) * stages // self.recipe.epochs
        part = self.recipe.progressive_from + (1 - self.recipe.progressive_from) * stage / (stages - 1)
        # Even sides, which halve well; and in the last stages the whole in any case.
        return min(self.side, max(2, 2 * round(self.side * part / 2))) if part < 1 else self.side, np.float32(part)
