"""The numbers that an int8 file of a network can hold, tensor by tensor."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from nas.errors import InputError
from nas.files import write_text

LEAST, MOST = -128, 127  # of int8


class Step(NamedTuple):
    """The number q of 8 bits stands for scale * (q - zero)."""

    scale: float
    zero: int

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest number that there is."""
        return self.scale * (LEAST - self.zero), self.scale * (MOST - self.zero)


class Made(NamedTuple):
    """An operation that rounds what it makes: its kind, the shape of that without the batch, and its step."""

    op: str
    shape: tuple[int, ...]
    step: Step


@dataclass(frozen=True)
class Grid:
    """Steps of a network's input and of all that it makes, in the order in which it is made.

    `ranges` are what a converter makes the steps of: the least and the largest value of each
    tensor of the float file, in the file's order.
    """

    read: Step
    made: tuple[Made, ...]
    ranges: tuple[tuple[float, float], ...]

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that equal grids share."""
        return sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """All of it as text, which `load` reads back to the last bit."""
        return json.dumps(asdict(self))

    def save(self, file: Path) -> None:
        """Writes it to a file; raises `InputError` where that cannot be written."""
        write_text(file, self.to_json() + "\n")

    @classmethod
    def load(cls, file: Path) -> "Grid":
        """Reads what `save` wrote; raises `InputError` where it cannot be read."""
        try:
            return _grid(json.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror}); expected the steps of a network") from error
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{file}: is damaged; expected the steps of a network as a training wrote them") from error


def _grid(content: Any) -> Grid:
    made = tuple(Made(str(op), tuple(map(int, shape)), _step(step)) for op, shape, step in content["made"])
    return Grid(_step(content["read"]), made, tuple((float(low), float(high)) for low, high in content["ranges"]))


def _step(content: Any) -> Step:
    scale, zero = content
    return Step(float(scale), int(zero))
