"""A trained network that another learns from (arXiv 1503.02531)."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from nas.errors import InputError
from nas.network import Network
from nas.train.step import Chain


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network whose outputs, softened by `temperature`, are by `weight` (0 to 1) what another learns.

    It reads the pictures that the other reads, augmented alike, resized to its own `side`, in evaluation; where
    the other's are smaller for a while (`Recipe.progressive_stages`), it still reads them whole. It does not change.
    Raises `InputError` for a weight or temperature that cannot be meant.
    """

    network: Network = field(repr=False)
    side: int  # of the pictures that it reads
    weight: float = 0.5
    temperature: float = 4.0

    def __post_init__(self) -> None:
        for name, low, high in (("weight", 0, 1), ("temperature", 0.1, 100)):
            if not low <= (found := getattr(self, name)) <= high:
                raise InputError(f"teacher: {name}: found {found}; expected {low} to {high}")

    def __str__(self) -> str:
        size = f"{self.side}x{self.side}"
        return f"teaches by {self.weight:g} at temperature {self.temperature:g}, from pictures of {size}"

    @cached_property
    def chain(self) -> Chain:
        """The network as a chain."""
        return Chain.of(self.network)

    @cached_property
    def vectors(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Weights and statistics of each block, on the host."""
        return self.chain.vectors(self.network)

    @property
    def text(self) -> str:
        """What decides what is learnt from it, in a few words that equal teachers share."""
        digest = sha256()
        for vectors in self.vectors:
            for vector in vectors:
                digest.update(vector.tobytes())
        return f"{digest.hexdigest()[:12]} weight {self.weight:g} temperature {self.temperature:g}"
