"""What a search remembers of its trials, and asks again and again."""

from collections.abc import Container, Iterable

from nas.search.record import Record


class Ledger:
    """The trials that have ended, the first of each architecture, and what is being trained."""

    def __init__(self, records: Iterable[Record] = ()):
        self.trained = 0
        self.seconds = 0.0
        self.elsewhere: dict[str, int] = {}  # what other searches of the study are training, by digest
        self._by_number: dict[int, Record] = {}
        self._first: dict[str, Record] = {}
        self._training: dict[str, int] = {}
        self._zero_cost: dict[str, dict[int, float]] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Takes up a trial that has ended."""
        self._by_number[record.number] = record
        self.trained += record.outcome in ("trained", "pruned")
        self.seconds += record.seconds
        if record.outcome == "duplicate":
            return
        self._first.setdefault(record.digest, record)
        self._training.pop(record.digest, None)
        for name, score in record.zero_cost.items():
            self._zero_cost.setdefault(name, {})[record.number] = score

    def train(self, number: int, digest: str) -> None:
        """Takes up that a trial's architecture is being trained."""
        self._training[digest] = number

    @property
    def records(self) -> list[Record]:
        """All that have ended, by number."""
        return [self._by_number[number] for number in sorted(self._by_number)]

    @property
    def digests(self) -> set[str]:
        """Those of the distinct architectures, ended or being trained."""
        return self._first.keys() | self._training.keys() | self.elsewhere.keys()

    def has(self, number: int) -> bool:
        """Whether a trial is known to have ended."""
        return number in self._by_number

    def known(self, digest: str) -> Record | None:
        """The trial that found out about an architecture, where one has."""
        return self._first.get(digest)

    def under_way(self, digest: str) -> int | None:
        """The trial that is just training an architecture."""
        return self._training.get(digest, self.elsewhere.get(digest))

    def zero_cost(self, name: str, number: int, score: float) -> list[float]:
        """Keeps a trial's score, and gives those of all others."""
        scores = self._zero_cost.setdefault(name, {})
        scores[number] = score
        return [other for n, other in scores.items() if n != number]

    def repeats_before(self, number: int, waiting: Container[int]) -> int:
        """How many trials in a row, up to the one before `number`, proposed what was known already.

        `waiting` are trials that will end as such.
        """
        repeats = 0
        for earlier in range(number - 1, -1, -1):
            if earlier not in waiting and not self._repeats(earlier):
                break
            repeats += 1
        return repeats

    def _repeats(self, number: int) -> bool:
        """Whether a trial that has ended is of an architecture that another has found out about."""
        record = self._by_number.get(number)
        if record is None:
            return False
        known = self.known(record.digest)
        return known is not None and known.number != number
