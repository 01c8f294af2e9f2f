"""Where a study is kept: a file of SQLite, or a database of a server, which may be away for a while."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from nas.errors import InputError, one_line
from nas.search.address import EXPECTED, filled_in

PATIENCE = 120.0  # seconds that a database may be away during a search
PATIENCE_WITH_FILE = 10.0  # seconds, for what else may have locked it
SECONDS_TO_ANSWER = 10  # for the first connection
SECONDS_TO_MAKE = 2  # the tables of a new database
HEARTBEAT = 15  # seconds between the signs of life of a trial that is under way
GRACE = 90  # seconds without one, before another search may take the trial up

Direction = Literal["maximize", "minimize"]

OWNER = "experiment"  # the study's attribute that says who made it
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_LONG = 365 * 24 * 3600  # seconds; without an end would be -1 for MySQL, which MariaDB does not take
_LOCK = {"postgresql": "SELECT pg_advisory_lock(hashtext(:name))", "mysql": f"SELECT GET_LOCK(MD5(:name), {_LONG})"}
_UNLOCK = {"postgresql": "SELECT pg_advisory_unlock(hashtext(:name))", "mysql": "SELECT RELEASE_LOCK(MD5(:name))"}
for _names in (_LOCK, _UNLOCK):
    _names["mariadb"] = _names["mysql"]
# What Optuna's cache of trials asks of a storage. Each is one transaction, and may be repeated.
_TRANSACTIONS = (
    "create_new_study",
    "set_study_user_attr",
    "set_study_system_attr",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_all_studies",
    "get_trial_id_from_study_id_trial_number",
    "get_trial",
    "set_trial_state_values",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "record_heartbeat",
    "_create_new_trial",
    "_set_trial_param",
    "_get_trials",
    "_get_best_trial_id",
    "_get_stale_trial_ids",
    "locked",
)


class PatientStorage(RDBStorage):
    """A database whose transactions are tried again for `patience` seconds while it cannot be reached.

    Where it stays away they raise `InputError`, which calls the database `name`. A trial that was
    made, but whose making was not confirmed, stays as one that nobody works on.
    """

    def __init__(self, url: URL, name: str, patience: float, **options: Any):
        self.name, self.patience = name, patience
        self.secret = url.password or ""
        super().__init__(url.render_as_string(hide_password=False), **options)

    def get_heartbeat_interval(self) -> None:
        """None: `optuna.Study.optimize` need not beat, since a search does for its own trials."""

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """A block that one process at a time is in; the server ends it for one that has died."""
        with closing(self.locked(name)) as connection:
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):  # a lock goes with its connection
                    connection.execute(text(_UNLOCK[self.engine.name]), {"name": name})

    def locked(self, name: str) -> Connection:
        """A connection that has the lock of that name, which it waits for."""
        connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            connection.execute(text(_LOCK[self.engine.name]), {"name": name})
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Closes this thread's connections."""
        self.remove_session()
        self.engine.dispose()

    def lost(self, error: BaseException) -> InputError:
        """What to say when it stays away."""
        goes_on = "the search goes on from here when the same command is given again"
        said = _said(error, self.secret)
        return InputError(f"{self.name}: cannot be reached or written any more ({said}); {goes_on}")


def _patient(transaction: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(transaction)
    def patiently(self: PatientStorage, *arguments: Any, **named: Any) -> Any:
        begun, pause, again = time.monotonic(), 0.1, False
        while True:
            try:
                return transaction(self, *arguments, **named)
            except UpdateFinishedTrialError:
                if not again:
                    raise
                return True  # it was finished by the attempt that was not confirmed
            except (StorageInternalError, SQLAlchemyError) as error:
                cause = _connection(error)
                if cause is None:
                    raise
                if time.monotonic() - begun > self.patience:
                    raise self.lost(cause) from error
            time.sleep(pause)
            pause, again = min(2 * pause, 5.0), True

    return patiently


for _name in _TRANSACTIONS:
    setattr(PatientStorage, _name, _patient(getattr(PatientStorage, _name)))


def _said(error: BaseException, secret: str) -> str:
    """The database's own words, in one line, without the password."""
    words = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    said = words[0].replace(secret, "***") if secret else words[0]
    return one_line(said.strip(" ."))


def _connection(error: BaseException) -> DBAPIError | None:
    """What the database said, where it is about reaching it rather than about what it was asked."""
    cause = error if isinstance(error, DBAPIError) else error.__cause__
    if isinstance(cause, OperationalError | InterfaceError):
        return cause
    return cause if isinstance(cause, DBAPIError) and cause.connection_invalidated else None


def sqlite_storage(file: Path, patience: float = PATIENCE_WITH_FILE) -> PatientStorage:
    """The storage in a file, made where it is not there."""
    # As a URL, in which a ? or # of the path stands for itself.
    return PatientStorage(URL.create("sqlite", database=str(file)), str(file), patience)


def server_storage(address: str, patience: float = PATIENCE) -> PatientStorage:
    """The storage at an address that `check_address` has seen; its tables are made where it has none.

    Raises `InputError`, without the password, where it does not answer or cannot be used.
    """
    url = _url(address)
    options: dict[str, Any] = {"engine_kwargs": {"connect_args": {"connect_timeout": SECONDS_TO_ANSWER}}}
    options |= {"heartbeat_interval": HEARTBEAT, "grace_period": GRACE}
    try:
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):  # of heartbeats
            try:
                return PatientStorage(url, address, patience, **options)
            except (IntegrityError, ProgrammingError):  # another process was just making the same tables
                time.sleep(SECONDS_TO_MAKE)
                return PatientStorage(url, address, patience, **options)
    except ImportError as error:
        extra = _EXTRAS.get(url.get_backend_name(), "postgresql")
        raise InputError(
            f"{address}: the package for {url.drivername} is not installed; "
            f"expected it, as from: pip install 'edgescale[{extra}]'"
        ) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        said = _said(_connection(error) or error, url.password or "")
        raise InputError(f"{address}: does not answer or cannot be used ({said}); expected a database's") from None


def _url(address: str) -> URL:
    try:
        url = make_url(filled_in(address))
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in _EXTRAS or not url.database:
        raise InputError(f"{address}: stands for no address of a database; expected {EXPECTED}") from None
    return url


def the_study(
    storage: PatientStorage, name: str, owner: str, directions: Sequence[Direction], former: str = ""
) -> optuna.Study:
    """The study of that name, made where there is none, that `owner` made, maybe by a `former` name, or goes on with.

    Raises `InputError` where another made it.
    """
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    made_by = study.user_attrs.get(OWNER)
    if made_by is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(OWNER, owner)
    elif made_by not in (owner, former):
        raise InputError(
            f"{storage.name}: the study '{name}' there was made by another experiment or version; "
            "expected one of this experiment, give it another name"
        )
    return study
