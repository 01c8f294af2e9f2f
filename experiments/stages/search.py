"""Stage: the search for the best architecture within the limits."""

from math import nan

from optuna import Study

from experiments.context import Context
from experiments.devices import keep_device_files
from experiments.members import require_members
from experiments.stages.answer import FRONT, Answer
from experiments.stages.start import enqueue_starts
from experiments.stages.trial import checkpoint_name
from experiments.stages.winner import WINNER, write_winner
from experiments.steps import make_steps
from experiments.study import TRIALS, company_of, open_study
from experiments.trial_workers import make_trainer
from nas.errors import InputError
from nas.search import rungs
from nas.search.budget import Budget
from nas.search.feasible import require_feasible
from nas.search.judging import Judging
from nas.search.ledger import Ledger
from nas.search.record import Record, read_records
from nas.search.recorder import Recorder
from nas.search.search import Search
from nas.search.table import write_trials
from nas.search.trainer import Trainer

FILES = (TRIALS, FRONT, WINNER)  # what the stage leaves beside the study that they are written from

_SLOWER = ("recipe", "a recipe such as one of a lower learning_rate")
# What helps where trials fail, by how their reason begins: a setting of the search, and what would be right for it.
_HELPS = {
    "took longer than": ("trial_minutes", "more minutes, or fewer epochs in search.recipe"),
    "ran out of memory": ("recipe", "a recipe such as one of a smaller batch_size"),
    "the loss became": _SLOWER,
    "the network's outputs": _SLOWER,
}


def run_search(context: Context) -> Record:
    """Searches until the budget is spent and returns the winner.

    Raises `InputError` where nothing in the space can be scaled as asked for, or meets the limits
    that are known without measuring, before training anything, and where no trial could be trained.
    """
    if not context.path(TRIALS).exists():
        require_members(context.experiment, context.space)
        _require_feasible(context)
        context.folder.keep(context.experiment)
        keep_device_files(context.experiment, context.folder.path)
    with open_study(context) as study:
        enqueue_starts(context, study)
        records = _follow(context, make_search(context, study, make_trainer(context)))
    winner = Answer(context).of(records)
    if winner is None:
        raise _without_winner(context, records)
    return winner


def restore_search(context: Context, records: list[Record], winner: Record) -> None:
    """Writes the files of a search that has ended again."""
    write_trials(context.path(TRIALS), records, context.evidence)
    Answer(context).keep(records)
    write_winner(context, winner)  # of a shared study, in which others may have found a better one since


def make_search(context: Context, study: Study, trainer: Trainer) -> Search:
    """The search as the experiment describes it, knowing what the study holds."""
    settings, seed = context.experiment.search, context.experiment.seed
    records = read_records(study)
    ledger, judging = Ledger(records), Judging(study, context.objectives, _rungs(context))
    judging.take_up(records)
    return Search(
        study,
        context.space,
        make_steps(context, settings.steps, ledger, judging, trainer),
        Recorder(study, context.objectives),
        Budget(settings.architectures, settings.trained, settings.minutes),
        trainer,
        settings.sampler,
        ledger,
        seed,
        company_of(context, study),
    )


def _rungs(context: Context) -> rungs.Rungs | None:
    settings, last = context.experiment.search.rungs, context.experiment.search.recipe.epochs
    if settings is None:
        return None
    if settings.kind == "median":
        return rungs.Median(last, settings.first, settings.trials)
    rule = rungs.Halving if settings.kind == "halving" else rungs.Hyperband
    return rule(last, settings.first, settings.factor)


def _without_winner(context: Context, records: list[Record]) -> InputError:
    """Says which mistake is likely: one that no training survives, or limits that few architectures meet."""
    found = f"none of {len(records)} trials was trained"
    reasons = [record.reason for record in records if record.outcome == "failed"]
    if reasons:
        found += f", {len(reasons)} failed, the last: {reasons[-1]}"
        setting, wanted = next((_HELPS[begins] for begins in _HELPS if reasons[-1].startswith(begins)), ("recipe", ""))
        where = context.experiment.where("search", setting)
    else:
        where, wanted = context.experiment.where("search"), "more architectures, or wider limits"
    expected = wanted and f"; expected {wanted}"  # of other failures the reason is all that is known
    return InputError(f"{where}: {found}{expected} (see {context.path(TRIALS)})")


def _require_feasible(context: Context) -> None:
    try:
        require_feasible(context.space, context.bounds.predicted)
    except InputError as error:
        name, _, said = str(error).partition(": ")
        raise InputError(f"{context.experiment.where('search', 'limits', name)}: {said}") from error


def _follow(context: Context, search: Search) -> list[Record]:
    """Runs the search, keeping trials.csv, the answer and the progress up to date."""
    records: list[Record] = []
    kept = len(search.ledger.records)
    answer = Answer(context)
    with context.progress.task("search", search.budget.architectures) as task:
        for record in search.run():
            records = sorted([*records, record], key=lambda r: r.number)  # trials end in any order
            context.folder.drop_checkpoints(checkpoint_name(record.number))  # not before the study has the result
            if len(records) < kept:
                continue
            write_trials(context.path(TRIALS), records, context.evidence)
            answer.keep(records)
            if len(records) > kept:
                context.progress.say(_line(context, record))
            task.update(len({r.digest for r in records}), answer.note(records))
    return records


def _line(context: Context, record: Record) -> str:
    milliseconds = record.facts.latency_ms.get(context.device.name, nan)  # not measured beyond another limit
    said = f"{record.accuracy:.2%}" if record.outcome == "trained" else record.reason
    return (
        f"trial {record.number:3} {record.outcome:10} {milliseconds:7.3f} ms {record.facts.params:9,} parameters  "
        f"{said} ({record.seconds:.1f} s)"
    )
