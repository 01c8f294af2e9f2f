"""When a search has done enough."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """What a search may spend: it ends with whichever is spent first.

    `architectures` counts distinct ones considered, trained or not; `trained` those
    trained; `minutes` the time that trials took, over all runs of the search.
    """

    architectures: int
    trained: int | None = None
    minutes: float | None = None

    def spent(self, architectures: int, trained: int, seconds: float) -> bool:
        """Whether so many architectures, trainings and seconds of trials use the budget up."""
        return (
            architectures >= self.architectures
            or (self.trained is not None and trained >= self.trained)
            or (self.minutes is not None and seconds / 60 >= self.minutes)
        )
