"""Whether a search has its study for itself, or shares it with searches on other machines."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Event, Thread
from typing import Any, Protocol, cast

from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.errors import InputError
from nas.search.storage import HEARTBEAT, PatientStorage

SEARCH = "search"  # the attribute of a trial that says who has it


class Company(Protocol):
    """The searches of a study."""

    def turn(self) -> AbstractContextManager[None]:
        """A block in which no other search begins a trial."""

    def left(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those of the trials that count as under way that nobody works on; asked in one's turn."""

    def hold(self, trial_id: int) -> None:
        """Begins to work on a trial, in one's turn."""

    def let_go(self, trial_id: int) -> bool:
        """Ends to; False where another search has taken the trial up meanwhile, believing this one dead."""

    def close(self) -> None:
        """Works on no trial any more."""


class Alone:
    """No other search: trials that count as under way and are not one's own were left by a killed one."""

    def turn(self) -> AbstractContextManager[None]:
        """At any time."""
        return nullcontext()

    def left(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """All of them."""
        return list(running)

    def hold(self, trial_id: int) -> None:
        """Nobody asks."""

    def let_go(self, trial_id: int) -> bool:  # noqa: ARG002
        """Nobody has taken it."""
        return True

    def close(self) -> None:
        """Nothing is held."""


class Shared:
    """Searches that share a server's database; `name` stays the same when one is started again.

    A search gives a sign of life for each of its trials now and then. Where none came for
    `nas.search.storage.GRACE` seconds, another takes the trial up.
    """

    def __init__(self, study: Study, name: str):
        self._study, self._name = study, name
        self._storage = cast(PatientStorage, cast(Any, study._storage)._backend)
        self._held: set[int] = set()
        self._closed = Event()
        Thread(target=self._live, daemon=True).start()

    def turn(self) -> AbstractContextManager[None]:
        """Waits for the other searches'."""
        return self._storage.turn(f"edgescale {self._study.study_name}")

    def left(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those of an earlier start of this search, and of others that give no sign of life."""
        stale = set(self._storage._get_stale_trial_ids(self._study._study_id))
        return [t for t in running if t.user_attrs.get(SEARCH) in (None, self._name) or t._trial_id in stale]

    def hold(self, trial_id: int) -> None:
        """Gives the first sign before the trial is anyone's."""
        self._storage.record_heartbeat(trial_id)
        self._storage.set_trial_user_attr(trial_id, SEARCH, self._name)
        self._held.add(trial_id)

    def let_go(self, trial_id: int) -> bool:
        """Whoever took it up has written it down as its own."""
        self._held.discard(trial_id)
        trial = self._storage.get_trial(trial_id)
        return bool(trial.user_attrs.get(SEARCH) == self._name)

    def close(self) -> None:
        """Its trials are taken up when the signs have stopped for long enough."""
        self._closed.set()

    def _live(self) -> None:
        while not self._closed.wait(HEARTBEAT):
            for trial_id in tuple(self._held):
                with suppress(InputError):  # a database that has gone is said where a result is kept
                    self._storage.record_heartbeat(trial_id)
