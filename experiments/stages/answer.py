"""What a search has found so far: winner.yaml and front.csv, right at any moment."""

from collections.abc import Sequence

from experiments.context import Context
from experiments.stages.winner import write_winner
from nas.search.best import best, front
from nas.search.objectives import Cost, Objective
from nas.search.record import Record
from nas.search.table import write_front

FRONT = "front.csv"


class Answer:
    """Writes the files anew whenever the answer has changed.

    With one objective the front is that of the objective and the latency on the first device,
    so that there is something to choose from where the winner will not do.
    """

    def __init__(self, context: Context):
        self._context = context
        self._winner: int | None = None
        self._front: list[int] = []

    def of(self, records: Sequence[Record]) -> Record | None:
        """The winner: the best in the one objective, or in the chosen one of several."""
        return best(records, self._context.objectives, self._context.chosen)

    def keep(self, records: Sequence[Record]) -> None:
        """Brings the files up to date."""
        beside = front_objectives(self._context)
        members = front(records, beside)
        if members and [record.number for record in members] != self._front:
            self._front = [record.number for record in members]
            write_front(self._context.path(FRONT), members, beside)
        winner = self.of(records)
        if winner is not None and winner.number != self._winner:
            self._winner = winner.number
            write_winner(self._context, winner)

    def note(self, records: Sequence[Record]) -> str:
        """The best so far in a few words."""
        winner = self.of(records)
        if winner is None:
            return ""
        objectives = self._context.objectives
        if len(objectives) > 1:
            return f"{len(self._front)} on the front, up to {winner.accuracy or 0:.2%}"
        value = objectives[0].value(winner.facts, winner.scores)
        return f"best {value:.2%}" if objectives[0].direction == "maximize" else f"best {value:.4g}"


def front_objectives(context: Context) -> tuple[Objective, ...]:
    """What the front is of."""
    if len(context.objectives) > 1:
        return context.objectives
    beside = Cost(context.device.name)
    return context.objectives if context.objectives == (beside,) else (*context.objectives, beside)
