"""Training in this process, one network after another."""

from collections.abc import Callable

from nas.architecture import Architecture
from nas.search.trainer import Ended, Judge

Train = Callable[[int, Architecture, Judge], Ended]


class InProcess:
    """A `Trainer` of capacity 1: `train` is called when the search waits."""

    capacity = 1

    def __init__(self, train: Train):
        self._train = train
        self._begun: tuple[int, Architecture, Judge] | None = None

    def start(self, number: int, architecture: Architecture, judge: Judge) -> None:
        """Keeps what is to be trained next."""
        self._begun = number, architecture, judge

    def wait(self) -> Ended:
        """Trains it."""
        if self._begun is None:
            raise RuntimeError("nothing to wait for: no training was started")
        number, architecture, judge = self._begun
        self._begun = None
        return self._train(number, architecture, judge)

    def close(self) -> None:
        """Nothing is held."""
