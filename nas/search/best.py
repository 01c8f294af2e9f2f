"""The answer of a search: the best trial, or the front of those that no other beats."""

from collections.abc import Iterable, Sequence

from nas.search.objectives import Objective, Score, oriented
from nas.search.pareto import non_dominated
from nas.search.record import Record

ACCURATE = (Score(),)


def best(
    records: Iterable[Record], objectives: Sequence[Objective] = ACCURATE, choose: str | None = None
) -> Record | None:
    """The feasible trained record that is best in one objective; of equals the faster, then the earlier.

    Of several objectives `choose` names the one, the first where it does not; the others
    decide among equals, so that the record is on the front.
    """
    chosen = next((one for one in objectives if one.name == choose), objectives[0])
    order = [chosen, *(one for one in objectives if one is not chosen)]

    def rank(record: Record) -> tuple[list[float], float, int]:
        values = [-value for value in oriented(order, record.facts, record.scores)]
        return values, max(record.facts.latency_ms.values(), default=0), record.number

    return min(_answers(records, objectives), key=rank, default=None)


def front(records: Iterable[Record], objectives: Sequence[Objective]) -> list[Record]:
    """The feasible trained records that no other beats in all objectives, the best in the first of them first."""
    able = sorted(_answers(records, objectives), key=lambda record: record.number)
    kept = [able[index] for index in non_dominated([oriented(objectives, r.facts, r.scores) for r in able])]
    return sorted(kept, key=lambda r: ([-value for value in oriented(objectives, r.facts, r.scores)], r.number))


def _answers(records: Iterable[Record], objectives: Sequence[Objective]) -> list[Record]:
    trained = [record for record in records if record.outcome == "trained" and record.feasible]
    return [record for record in trained if _measured(record, objectives)]


def _measured(record: Record, objectives: Sequence[Objective]) -> bool:
    try:
        return len(oriented(objectives, record.facts, record.scores)) > 0
    except KeyError:
        return False
