"""Stage: the search for the most accurate architecture within the limits."""

import sqlite3
from contextlib import closing
from math import nan
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL

from experiments.context import Context
from experiments.devices import keep_device_files
from nas.architecture import Architecture
from nas.errors import InputError
from nas.search.facts import Limits
from nas.search.feasible import require_feasible
from nas.search.record import Record, best, read_records, write_trials
from nas.search.search import Budget, Search, TrialFailed
from nas.train import TrainingFailed

STUDY = "study.db"
TRIALS = "trials.csv"


def open_study(context: Context) -> optuna.Study:
    """The run's study, made whole before it gets its name.

    Raises `InputError` where it is damaged, or gone although the search has ended.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the run has progress of its own
    file = context.path(STUDY)
    name = context.experiment.name
    if not file.exists():
        if context.folder.result("search") is not None:
            raise InputError(f"{file}: does not exist; expected the study of the search that ended in this folder")
        beside = file.with_name(f".{STUDY}.part")
        beside.unlink(missing_ok=True)
        storage = RDBStorage(_url(beside))
        optuna.create_study(storage=storage, study_name=name, direction="maximize")
        storage.remove_session()
        storage.engine.dispose()
        beside.replace(file)
    _require_whole(file, name)
    return optuna.load_study(storage=_url(file), study_name=name)


def _url(file: Path) -> str:
    """The database's address, in which a ? or # of the path stands for itself."""
    return URL.create("sqlite", database=str(file)).render_as_string()


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


def run_search(context: Context) -> Record:
    """Searches until the budget is spent and returns the winner.

    Raises `InputError` where nothing in the space meets the limits of the devices that predict,
    before training anything, and where no trial could be trained.
    """
    settings = context.experiment.search
    limits = Limits(context.devices, context.limits)
    if not context.path(STUDY).exists():
        _require_feasible(context, limits)
        context.folder.keep(context.experiment)
        keep_device_files(context.experiment, context.folder.path)
    study = open_study(context)
    search = Search(
        study,
        context.space,
        limits,
        Budget(settings.architectures, settings.trained, settings.minutes),
        lambda number, architecture: _train(context, number, architecture),
        settings.sampler,
        context.experiment.seed,
    )
    records = _follow(context, search)
    winner = best(records)
    if winner is None:
        raise _without_winner(context, records)
    return winner


def _without_winner(context: Context, records: list[Record]) -> InputError:
    """Says which mistake is likely: a recipe that no training survives, or limits that few architectures meet."""
    failed = [record for record in records if record.outcome == "failed"]
    found = f"none of {len(records)} trials was trained"
    if failed:
        where = context.experiment.where("search", "recipe")
        found += f", {len(failed)} failed, the last because {failed[-1].reason}"
        wanted = "a recipe such as one of a lower learning_rate"
    else:
        where, wanted = context.experiment.where("search"), "more architectures, or wider limits"
    return InputError(f"{where}: {found}; expected {wanted} (see {context.path(TRIALS)})")


def _require_feasible(context: Context, limits: Limits) -> None:
    try:
        require_feasible(context.space, limits.predicted)
    except InputError as error:
        device, _, said = str(error).partition(": ")
        raise InputError(f"{context.experiment.where('search', 'limits', device)}: {said}") from error


def _follow(context: Context, search: Search) -> list[Record]:
    """Runs the search, keeping trials.csv and the progress up to date."""
    records: list[Record] = []
    kept = len(read_records(search.study))
    with context.progress.task("search", search.budget.architectures) as task:
        for record in search.run():
            records.append(record)
            context.folder.drop_checkpoints(_name(record.number))  # not before the study has the result
            if len(records) < kept:
                continue
            write_trials(context.path(TRIALS), records, context.evidence)
            distinct = len({r.digest for r in records})
            if len(records) > kept:
                context.progress.say(_line(context, record))
            leader = best(records)
            note = f"best {leader.accuracy:.2%}" if leader and leader.accuracy is not None else ""
            task.update(distinct, note)
    return records


def _line(context: Context, record: Record) -> str:
    milliseconds = record.facts.latency_ms.get(context.device.name, nan)  # not measured beyond another limit
    said = f"{record.accuracy:.2%}" if record.outcome == "trained" else record.reason
    return (
        f"trial {record.number:3} {record.outcome:10} {milliseconds:7.3f} ms {record.facts.params:9,} parameters  "
        f"{said} ({record.seconds:.1f} s)"
    )


def _train(context: Context, number: int, architecture: Architecture) -> float:
    recipe = context.experiment.search.recipe
    try:
        with context.progress.task(f"trial {number} epochs", recipe.epochs) as task:
            trained = context.train(
                _name(number),
                architecture,
                recipe,
                lambda e: task.update(e.epoch, f"loss {e.loss:.3f} {e.validation_accuracy:.2%}"),
                context.experiment.search.pictures,
            )
    except TrainingFailed as error:
        raise TrialFailed(str(error)) from error
    return trained.validation_accuracy


def _name(number: int) -> str:
    """What a trial's checkpoints are kept under."""
    return f"trial-{number:04}"
