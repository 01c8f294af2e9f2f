"""The study of a run: where it is kept, opened and checked."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import optuna
from optuna.exceptions import ExperimentalWarning

from experiments.context import Context
from nas.errors import InputError
from nas.files import write_text
from nas.search.company import Alone, Company, Shared
from nas.search.record import Record, read_records
from nas.search.storage import PatientStorage, server_storage, sqlite_storage, the_study

STUDY = "study.db"
TRIALS = "trials.csv"
SEARCH = ".search"  # what this run's search is called among those that share a study


@contextmanager
def open_study(context: Context) -> Iterator[optuna.Study]:
    """The run's study: in the database that the experiment names, or in a file of the run's folder.

    Raises `InputError` where it is damaged, made by another experiment, or gone although the
    search has ended.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the run has progress of its own
    with closing(_storage(context)) as storage:
        yield _study(context, storage)


def records_of(context: Context) -> list[Record]:
    """What the run's study says of each trial; raises `InputError` as `open_study`."""
    with open_study(context) as study:
        return read_records(study)


def _storage(context: Context) -> PatientStorage:
    if context.experiment.search.storage is None:
        return _in_folder(context)
    with _naming_the_line(context):
        return server_storage(context.experiment.search.storage)


def _study(context: Context, storage: PatientStorage) -> optuna.Study:
    if context.experiment.search.storage is None:
        return _of(context, storage)
    with _naming_the_line(context):
        return _in_database(context, storage)


@contextmanager
def _naming_the_line(context: Context) -> Iterator[None]:
    """What is wrong with the database of an experiment is said with the line that names it."""
    experiment = context.experiment
    try:
        yield
    except InputError as error:
        raise InputError(f"{experiment.where('search', 'storage')}: {error}") from None  # causes may hold the password


def _in_database(context: Context, storage: PatientStorage) -> optuna.Study:
    """The study in a server's database; one that this run has begun is not made again."""
    name = context.experiment.name
    if context.path(TRIALS).exists() and name not in optuna.get_all_study_names(storage):
        raise InputError(
            f"{storage.name}: holds no study '{name}'; expected that of the trials in {context.path(TRIALS)}"
        )
    return _of(context, storage)


def company_of(context: Context, study: optuna.Study) -> Company:
    """The other searches of the run's study, which there may be where a server keeps it."""
    if context.experiment.search.storage is None:
        return Alone()
    file = context.path(SEARCH)
    if not file.exists():
        write_text(file, uuid4().hex)
    return Shared(study, file.read_text(encoding="utf-8"))


def _in_folder(context: Context) -> PatientStorage:
    """That of the study in the run's folder, which is made whole before it gets its name."""
    file, experiment = context.path(STUDY), context.experiment
    if not file.exists():
        if context.folder.result("search") is not None:
            raise InputError(f"{file}: does not exist; expected the study of the search that ended in this folder")
        beside = file.with_name(f".{STUDY}.part")
        beside.unlink(missing_ok=True)
        with closing(sqlite_storage(beside)) as storage:
            _of(context, storage)
        beside.replace(file)
    _require_whole(file, experiment.name)
    return sqlite_storage(file)


def _of(context: Context, storage: PatientStorage) -> optuna.Study:
    experiment, objectives = context.experiment, context.objectives
    directions = [objective.direction for objective in objectives]
    study = the_study(storage, experiment.name, experiment.digest, directions, experiment.former_digest)
    if study.metric_names is None:
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
            study.set_metric_names([objective.name for objective in objectives])  # for optuna-dashboard
    return study


def _require_whole(file: Path, name: str) -> None:
    """Refuses what is no database, a damaged one, and one without the study."""
    try:
        with closing(sqlite3.connect(file)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            names = [row[0] for row in database.execute("SELECT study_name FROM studies")]
    except sqlite3.Error as error:
        found, names = str(error), [name]
    if name not in names:
        found = f"holds no study '{name}'"
    if found != "ok":
        raise InputError(f"{file}: is damaged ({found}); expected the study that this run wrote")
