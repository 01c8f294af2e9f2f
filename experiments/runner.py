"""The whole chain: search, train the winner, scale it, export it, and report."""

import time
from pathlib import Path
from typing import Any

from experiments.progress import RunProgress
from experiments.run_folder import RunFolder
from experiments.schema import Experiment
from experiments.strategies import require_allowed_sampler

STAGES = 6


def run_experiment(experiment: Experiment, out: Path, *, allow_code: bool = False) -> dict[str, Any]:
    """Runs the experiment in the folder `out`, or the rest of it; returns metrics.json's content.

    Whatever an earlier start finished is taken over: trials, trainings, files. A sampler
    that the experiment names by import path is run where `allow_code` says so. Raises
    `InputError` where the experiment cannot be run, or the folder is another's.
    """
    require_allowed_sampler(experiment, allow_code)
    with RunFolder.claim(out, experiment) as folder, RunProgress(STAGES) as progress:
        progress.say(f"{experiment.name} in {out}")
        return _Run(experiment, folder, progress).run()


class _Run:
    """One start of a run; each method is a stage, skipped where its result is kept."""

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
        from experiments.metrics import write_metrics
        from experiments.report import write_report

        record = self._search()
        winner = self._winner(record)
        members = self._family(record, winner)
        exported = self._export(record)
        self.progress.stage("report")
        seconds = {
            step: (self.folder.result(step) or {})["seconds"] for step in ("search", "winner", "family", "export")
        }
        metrics = write_metrics(self.context, winner, members, exported, seconds)
        self.progress.say(f"report: {write_report(self.folder.path)}")
        return metrics

    def _search(self) -> Any:
        from experiments.stages.answer import Answer
        from experiments.stages.search import run_search
        from experiments.stages.winner import write_winner
        from experiments.study import records_of

        done = self.folder.result("search") is not None
        self.progress.stage(f"search within {self._limits()}", done)
        if done:
            return Answer(self.context).of(records_of(self.context))
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

        result = self.folder.result(CHECKPOINT)
        self.progress.stage("train the winner from scratch", result is not None)
        if result is None:
            result = self.folder.finish(CHECKPOINT, train_winner(self.context, record))
        return result

    def _family(self, record: Any, winner: dict[str, Any]) -> list[dict[str, Any]]:
        from experiments.stages.family import run_family

        result = self.folder.result("family")
        self.progress.stage("scale the winner", result is not None)
        if result is None:
            started = time.monotonic()
            members = run_family(self.context, record.architecture, winner)
            result = self.folder.finish("family", {"members": members, "seconds": time.monotonic() - started})
        members = result["members"]
        return list(members)

    def _export(self, record: Any) -> dict[str, Any]:
        from experiments.stages.export import run_export
        from experiments.stages.winner import load_winner

        result = self.folder.result("export")
        self.progress.stage("export to TFLite", result is not None)
        if result is None:
            started = time.monotonic()
            exported = run_export(self.context, record.architecture, load_winner(self.folder))
            result = self.folder.finish("export", {**exported, "seconds": time.monotonic() - started})
        return {key: value for key, value in result.items() if key != "seconds"}
