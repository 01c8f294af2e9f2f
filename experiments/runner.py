"""The whole chain: search, train the winner, scale it, export it, and report."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment
from experiments.strategies import require_allowed_sampler
from nas.errors import InputError

STAGES = 6


def run_experiment(experiment: Experiment, out: Path, *, allow_code: bool = False) -> dict[str, Any]:
    """Runs the experiment in the folder `out`, or the rest of it; returns metrics.json's content.

    Whatever an earlier start finished is taken over: trials, trainings, files; files that are
    gone since are made again of what is kept, but for checkpoints. A sampler
    that the experiment names by import path is run where `allow_code` says so. Raises
    `InputError` where the experiment cannot be run, or the folder is another's.
    """
    require_allowed_sampler(experiment, allow_code)
    with RunFolder.claim(out, experiment) as folder, RunProgress(STAGES) as progress:
        progress.say(f"{experiment.name} in {out}")
        return _Run(experiment, folder, progress).run()


class _Run:
    """One start of a run; each method is a stage, skipped where its result is kept and its files are there."""

    def __init__(self, experiment: Experiment, folder: RunFolder, progress: RunProgress):
        # Loading JAX takes seconds, which a refused folder should not cost.
        from experiments.context import Context

        self.experiment, self.folder, self.progress = experiment, folder, progress
        progress.stage(f"data: {experiment.data.dataset}")
        self.context = Context.load(experiment, folder, progress)
        folder.follow(experiment)
        data = self.context.dataset
        progress.say(
            f"{len(data.train.labels)} pictures to train on, {len(data.validation.labels)} to validate, "
            f"{len(data.test.labels)} to test, {len(data.classes)} classes"
        )
        teaching = experiment.train.teacher
        if teaching and folder.result("winner") is None:  # what cannot teach is refused before the search
            progress.say(f"{teaching.network}: {self.context.teacher}")

    def run(self) -> dict[str, Any]:
        from experiments.evaluation import restore_evaluations
        from experiments.metrics import write_metrics
        from experiments.report import write_report

        record = self._search()
        winner = self._winner(record)
        family = self._family(record, winner)
        exported = self._export(record)
        self.progress.stage("report")
        restore_evaluations(self.folder)
        seconds = {
            step: (self.folder.result(step) or {})["seconds"] for step in ("search", "winner", "family", "export")
        }
        metrics = write_metrics(self.context, winner, family, exported, seconds)
        self.progress.say(f"report: {write_report(self.folder.path)}")
        return metrics

    def _begin(
        self, title: str, step: str, files: Callable[[dict[str, Any]], Iterable[str]] = lambda _: ()
    ) -> tuple[dict[str, Any] | None, list[str]]:
        """Begins a stage: what an earlier start of it has kept, and which of the `files` of that are gone."""
        kept = self.folder.result(step)
        gone = [] if kept is None else [name for name in files(kept) if not self.context.path(name).exists()]
        self.progress.stage(title, kept is not None and not gone)
        if gone:
            self.progress.say(f"no longer there, and to be made again: {', '.join(gone)}")
        return kept, gone

    def _search(self) -> Any:
        from experiments.stages.answer import Answer
        from experiments.stages.search import FILES, restore_search, run_search
        from experiments.stages.winner import write_winner
        from experiments.study import records_of

        kept, gone = self._begin(f"search within {self._limits()}", "search", lambda _: FILES)
        if kept is not None:
            records = records_of(self.context)
            winner = next((record for record in records if record.number == kept.get("winner")), None)
            winner = winner or Answer(self.context).of(records)
            if gone and winner is not None:
                restore_search(self.context, records, winner)
            return winner
        record = run_search(self.context)
        write_winner(self.context, record)
        seconds = sum(r.seconds for r in records_of(self.context))
        self.folder.finish("search", {"winner": record.number, "seconds": seconds})
        self.progress.say(f"winner: trial {record.number}, {record.accuracy:.2%} on validation")
        return record

    def _limits(self) -> str:
        limits, quantities = self.context.limits, self.context.bounds.quantities
        known = {device.name: device.evidence for device in self.context.devices}
        said = [f"{most:g} ms on {name} ({known[name]})" for name, most in limits.items()]
        return ", ".join([*said, *(f"{most:,.10g} {name}" for name, most in quantities.items())])

    def _winner(self, record: Any) -> dict[str, Any]:
        from experiments.stages.winner import CHECKPOINT, train_winner

        result, _ = self._begin("train the winner from scratch", CHECKPOINT)
        if result is None:
            result = self.folder.finish(CHECKPOINT, train_winner(self.context, record))
        elif not self.folder.checkpoints(CHECKPOINT).is_dir():
            said = f"made again only by training, where steps/{CHECKPOINT}.json is deleted too"
            self.progress.say(f"no longer there: checkpoints/{CHECKPOINT}, {said}")
        return result

    def _family(self, record: Any, winner: dict[str, Any]) -> dict[str, Any]:
        from experiments.stages.family import files_of, restore_family, run_family

        result, gone = self._begin("scale the winner", "family", files_of)
        if result is not None and gone:
            restore_family(self.context, record.architecture, result["members"])
        if result is None:
            started = time.monotonic()
            family = run_family(self.context, record.architecture, winner)
            result = self.folder.finish("family", {**family, "seconds": time.monotonic() - started})
        return result

    def _export(self, record: Any) -> dict[str, Any]:
        from experiments.stages.export import files_of, run_export, write_labels
        from experiments.stages.winner import load_winner
        from nas.export.labels import NAME as LABELS

        result, gone = self._begin("export to TFLite", "export", partial(files_of, self.experiment.export))
        if gone:
            write_labels(self.context)
        if result is None or gone not in ([], [LABELS]):
            started = time.monotonic()
            try:
                network = load_winner(self.folder)
            except InputError as error:
                if result is None:
                    raise
                self.progress.say(f"cannot be made again: {error}")
            else:
                exported = run_export(self.context, record.architecture, network)
                result = self.folder.finish("export", {**exported, "seconds": time.monotonic() - started})
        return {key: value for key, value in result.items() if key != "seconds"}
