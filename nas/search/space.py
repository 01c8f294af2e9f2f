"""What a search needs of a space; it knows no concrete one."""

from collections.abc import Mapping
from typing import Protocol

from nas.architecture import Architecture, Value


class Space(Protocol):
    """Named choices, and the architecture that a set of them makes."""

    @property
    def origin(self) -> str:
        """Where the space is written, as messages begin."""

    @property
    def choices(self) -> Mapping[str, tuple[Value, ...]]:
        """The alternatives of each choice, by the choice's name."""

    def build(self, chosen: Mapping[str, Value]) -> Architecture:
        """The architecture for one value per choice."""
