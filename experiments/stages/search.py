"""Stage: the search for the most accurate architecture within the limits."""

import optuna
from optuna.storages import RDBStorage

from experiments.context import Context
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
    """The run's study, made whole before it gets its name."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the run has progress of its own
    file = context.path(STUDY)
    name = context.experiment.name
    if not file.exists():
        beside = file.with_name(f".{STUDY}.part")
        beside.unlink(missing_ok=True)
        storage = RDBStorage(f"sqlite:///{beside}")
        optuna.create_study(storage=storage, study_name=name, direction="maximize")
        storage.remove_session()
        storage.engine.dispose()
        beside.replace(file)
    return optuna.load_study(storage=f"sqlite:///{file}", study_name=name)


def run_search(context: Context) -> Record:
    """Searches until the budget is spent and returns the winner.

    Raises `InputError` where nothing in the space meets the limits, before training
    anything, and where no trial could be trained.
    """
    settings = context.experiment.search
    study = open_study(context)
    limits = Limits(context.devices, settings.limits)
    if not any(record.feasible for record in read_records(study)):
        _require_feasible(context, limits)
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
        raise InputError(
            f"{context.experiment.where('search')}: none of {len(records)} trials was trained; expected more "
            f"architectures, or wider limits (see {context.path(TRIALS)})"
        )
    return winner


def _require_feasible(context: Context, limits: Limits) -> None:
    try:
        require_feasible(context.space, limits)
    except InputError as error:
        raise InputError(f"{context.experiment.where('search', 'limits')}: {error}") from error


def _follow(context: Context, search: Search) -> list[Record]:
    """Runs the search, keeping trials.csv and the progress up to date."""
    records: list[Record] = []
    kept = len(read_records(search.study))
    with context.progress.task("search", search.budget.architectures) as task:
        for record in search.run():
            records.append(record)
            if len(records) < kept:
                continue
            write_trials(context.path(TRIALS), records, context.device.name)
            distinct = len({r.digest for r in records})
            if len(records) > kept:
                context.progress.say(_line(context, record))
            leader = best(records)
            note = f"best {leader.accuracy:.2%}" if leader and leader.accuracy is not None else ""
            task.update(distinct, note)
    return records


def _line(context: Context, record: Record) -> str:
    milliseconds = record.facts.latency_ms[context.device.name]
    said = f"{record.accuracy:.2%}" if record.outcome == "trained" else record.reason
    return (
        f"trial {record.number:3} {record.outcome:10} {milliseconds:7.3f} ms {record.facts.params:9,} parameters  "
        f"{said} ({record.seconds:.1f} s)"
    )


def _train(context: Context, number: int, architecture: Architecture) -> float:
    name = f"trial-{number:04}"
    recipe = context.experiment.search.recipe
    try:
        with context.progress.task(f"trial {number} epochs", recipe.epochs) as task:
            trained = context.train(
                name,
                architecture,
                recipe,
                lambda e: task.update(e.epoch, f"loss {e.loss:.3f} {e.validation_accuracy:.2%}"),
                context.experiment.search.pictures,
            )
    except TrainingFailed as error:
        raise TrialFailed(str(error)) from error
    context.folder.drop_checkpoints(name)
    return trained.validation_accuracy
