"""Everything a report shows, gathered from the files of a run folder and nothing else."""

from dataclasses import dataclass
from pathlib import Path

from experiments.report.layers import Layer, read_layers
from experiments.report.metrics import Metrics, Setup, Tally, Winner
from experiments.report.objectives import ObjectiveFront, read_objective_front
from experiments.report.plan import Plan, fill_in
from experiments.report.reading import read_json, read_text, read_yaml
from experiments.report.trials import Trial, read_trials, tally
from nas.errors import InputError

MARKS = ("experiment.yaml", "trials.csv", "metrics.json")


@dataclass(frozen=True)
class Run:
    """A run, finished or not: what its folder holds, with None or nothing for what it does not hold yet."""

    name: str
    metrics: Metrics
    trials: tuple[Trial, ...]
    setup: Setup
    tally: Tally
    winner: Winner | None
    experiment: str  # the experiment as it was read, YAML
    front: ObjectiveFront | None = None  # of several objectives
    layers: tuple[Layer, ...] = ()  # of the int8 file, worst first, where they were looked at

    @property
    def device(self) -> str:
        """The device whose latency the search limits, or "" while it is not known."""
        known = (*(trial.device for trial in self.trials[:1]), self.setup.device)
        return next(filter(None, known), "") or next(iter(self.winner.latency_ms if self.winner else ()), "")

    @property
    def evidence(self) -> str:
        """What that device's milliseconds are: an estimate, fitted, or measured."""
        known = (self.setup.evidence, *(trial.evidence for trial in self.trials[:1]))
        return next(filter(None, known), "estimate")

    @property
    def latency_ms(self) -> float | None:
        """The winner's latency on the device searched for, in ms."""
        if self.metrics.latency_ms is not None:
            return self.metrics.latency_ms
        return self.winner.latency_ms.get(self.device) if self.winner else None

    @property
    def test_accuracy(self) -> float | None:
        """The winner's accuracy on the test split, in 0..1."""
        if self.metrics.test_accuracy is not None:
            return self.metrics.test_accuracy
        return self.winner.test_accuracy if self.winner else None

    @property
    def missing(self) -> tuple[str, ...]:
        """What the run has not come to yet, in the order it comes."""
        export = self.metrics.export
        parts = {
            "the search's trials": bool(self.trials),
            "the winner": self.winner is not None,
            "the winner's accuracy on the test split": self.test_accuracy is not None,
            "the family": self.metrics.family is not None,
            "the export": export is not None and bool(export.rows),
        }
        return tuple(part for part, there in parts.items() if not there)


def read_run(folder: Path) -> Run:
    """Reads a run folder. Raises `InputError` where it is none, or where one of its files is broken."""
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; expected the folder of a run, such as runs/quickstart")
    if not any((folder / mark).is_file() for mark in MARKS):
        raise InputError(f"{folder}: is no run folder; expected one that holds {', '.join(MARKS[:-1])} or {MARKS[-1]}")
    written = read_json(folder / "metrics.json", Metrics) or Metrics()
    plan = read_yaml(folder / "experiment.yaml", Plan) or Plan()
    metrics = fill_in(written, plan)
    trials = read_trials(path) if (path := folder / "trials.csv").is_file() else ()
    return Run(
        name=metrics.experiment or folder.resolve().name,
        metrics=metrics,
        trials=trials,
        setup=metrics.search or plan.search.setup,
        tally=tally(trials) if trials else metrics.search or Tally(),
        winner=_winner(metrics, read_yaml(folder / "winner.yaml", Winner)),
        experiment=read_text(folder / "experiment.yaml"),
        front=read_objective_front(folder, len(plan.search.objectives)),
        layers=read_layers(folder),
    )


def _winner(metrics: Metrics, written: Winner | None) -> Winner | None:
    """The winner of metrics.json, with the reason that winner.yaml alone gives; either may be absent."""
    if metrics.winner is None or written is None:
        return metrics.winner or written
    return metrics.winner.model_copy(update={"how": written.how})
